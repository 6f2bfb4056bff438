package infer

// An arena holds values of a pointer-free type in pages that never move, named
// by number, so that the collector has few things to look at. Number 0 names
// nothing.
type arena[T any] struct {
	pages [][]T
	free  []uint32
	n     uint32 // numbers given out so far
}

const (
	pageBits = 10
	pageLen  = 1 << pageBits
)

func (a *arena[T]) at(i uint32) *T { return &a.pages[i>>pageBits][i&(pageLen-1)] }

// take returns the number of a zero value.
func (a *arena[T]) take() uint32 {
	if n := len(a.free); n > 0 {
		i := a.free[n-1]
		a.free = a.free[:n-1]
		return i
	}
	a.n++
	if int(a.n>>pageBits) >= len(a.pages) {
		a.pages = append(a.pages, make([]T, pageLen))
	}
	return a.n
}

// release gives a number back.
func (a *arena[T]) release(i uint32) {
	var zero T
	*a.at(i) = zero
	a.free = append(a.free, i)
}

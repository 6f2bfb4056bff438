package star

import (
	"fmt"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// A face is a typeface built into the program, so that a picture does not
// depend on the machine. It knows Latin, Greek and Cyrillic. Not safe for
// concurrent use.
type face struct {
	font     *sfnt.Font
	buffer   sfnt.Buffer
	advances map[rune]float64 // in em
}

// faces are the two weights in use.
type faces struct{ regular, bold *face }

func newFaces() (*faces, error) {
	regular, err := newFace(goregular.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := newFace(gobold.TTF)
	return &faces{regular, bold}, err
}

func newFace(ttf []byte) (*face, error) {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("star: read the built-in typeface: %w", err)
	}
	return &face{font: f, advances: map[rune]float64{}}, nil
}

func (f *faces) of(bold bool) *face {
	if bold {
		return f.bold
	}
	return f.regular
}

// advance is how far a rune moves the pen, in em.
func (f *face) advance(r rune) float64 {
	if a, ok := f.advances[r]; ok {
		return a
	}
	units := f.font.UnitsPerEm()
	a := 0.5 // of a rune that the font cannot show at all
	if g, err := f.font.GlyphIndex(&f.buffer, r); err == nil {
		if w, err := f.font.GlyphAdvance(&f.buffer, g, fixed.I(int(units)), font.HintingNone); err == nil {
			a = float64(w) / 64 / float64(units)
		}
	}
	f.advances[r] = a
	return a
}

// width is the width of a text at a size.
func (f *face) width(text string, size float64) float64 {
	w := 0.0
	for _, r := range text {
		w += f.advance(r)
	}
	return float64(w * size)
}

// outline returns the curves of a rune at a size in 1/64 pixels, y downwards,
// or none.
func (f *face) outline(r rune, size fixed.Int26_6) sfnt.Segments {
	g, err := f.font.GlyphIndex(&f.buffer, r)
	if err != nil {
		return nil
	}
	segments, err := f.font.LoadGlyph(&f.buffer, g, size, nil)
	if err != nil {
		return nil
	}
	return segments
}

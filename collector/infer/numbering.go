package infer

import "graphctl/collector"

// A numbering gives symbols numbers of the engine's own, which its state
// carries on: they mean the same after a restart, when symbols have other
// numbers. Numbers are given out in order and never taken back. 0 is
// collector.None.
type numbering struct {
	syms     []collector.Sym // by number
	numberOf []uint32        // by symbol; 0: none, but for None
}

func newNumbering() numbering { return numbering{syms: []collector.Sym{collector.None}} }

// number returns the number of y, given out if new.
func (n *numbering) number(y collector.Sym) uint32 {
	if int(y) < len(n.numberOf) && (n.numberOf[y] != 0 || y == collector.None) {
		return n.numberOf[y]
	}
	i := uint32(0)
	if y != collector.None {
		i = uint32(len(n.syms))
		n.syms = append(n.syms, y)
	}
	n.learn(i, y)
	return i
}

// learn notes that y has number i. Of several numbers the first is used: what
// had names of its own may have become collector.Other since.
func (n *numbering) learn(i uint32, y collector.Sym) {
	n.numberOf = grown(n.numberOf, int(y))
	if n.numberOf[y] == 0 {
		n.numberOf[y] = i
	}
}

// clone returns a copy that shares nothing with n.
func (n *numbering) clone() numbering {
	return numbering{syms: append([]collector.Sym(nil), n.syms...), numberOf: append([]uint32(nil), n.numberOf...)}
}

// numberings are those of the three kinds of symbols.
type numberings struct {
	texts, resources, fars numbering
}

func newNumberings() numberings {
	return numberings{texts: newNumbering(), resources: newNumbering(), fars: newNumbering()}
}

func (n *numberings) clone() numberings {
	return numberings{texts: n.texts.clone(), resources: n.resources.clone(), fars: n.fars.clone()}
}

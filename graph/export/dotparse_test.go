package export

import (
	"errors"
	"fmt"
	"strings"
)

// parseDOT reads the part of the language that this package writes: statements
// of quoted identifiers with attribute lists, and clusters. It is written from
// the grammar of the language, apart from the writer. It returns the nodes and
// the edges by what stands between the quotes of their identifiers.
func parseDOT(text string) (nodes, edges []string, err error) {
	tokens, err := scanDOT(text)
	if err != nil {
		return nil, nil, err
	}
	p := &dotParser{tokens: tokens}
	p.expect("digraph")
	p.identifier()
	p.block()
	if p.err == nil && len(p.tokens) > 0 {
		p.err = fmt.Errorf("text after the graph: %q", p.tokens)
	}
	return p.nodes, p.edges, p.err
}

// scanDOT splits text; a quoted identifier is one token with its quotes.
func scanDOT(text string) ([]string, error) {
	var tokens []string
	for text != "" {
		n := 1
		switch c := text[0]; {
		case c == ' ' || c == '\n':
			text = text[1:]
			continue
		case c == '"':
			for n < len(text) && text[n] != '"' {
				if text[n] == '\\' {
					n++
				}
				n++
			}
			n++
		case strings.HasPrefix(text, "->"):
			n = 2
		case strings.ContainsRune("[]{}=,;", rune(c)):
		default:
			for n < len(text) && !strings.ContainsRune(" \n\"[]{}=,;", rune(text[n])) {
				n++
			}
		}
		if n > len(text) {
			return nil, errors.New("a quote is not closed")
		}
		tokens = append(tokens, text[:n])
		text = text[n:]
	}
	return tokens, nil
}

type dotParser struct {
	tokens       []string
	nodes, edges []string
	err          error
}

func (p *dotParser) peek() string {
	if len(p.tokens) == 0 || p.err != nil {
		return ""
	}
	return p.tokens[0]
}

func (p *dotParser) take() string {
	t := p.peek()
	if t == "" {
		p.expected("more")
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

func (p *dotParser) expected(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("expected %s before %.60q", what, p.tokens)
	}
}

func (p *dotParser) expect(token string) {
	if p.peek() != token {
		p.expected(token)
		return
	}
	p.take()
}

func (p *dotParser) identifier() string {
	t := p.take()
	if strings.ContainsAny(t[:min(len(t), 1)], "[]{}=,;") {
		p.expected("an identifier, not " + t)
	}
	return strings.TrimSuffix(strings.TrimPrefix(t, `"`), `"`)
}

func (p *dotParser) block() {
	p.expect("{")
	for p.err == nil && p.peek() != "}" {
		p.statement()
	}
	p.expect("}")
}

func (p *dotParser) statement() {
	switch p.peek() {
	case "subgraph":
		p.take()
		p.identifier()
		p.block()
		return
	case "graph", "node", "edge":
		p.take()
		p.attributes()
	default:
		name := p.identifier()
		switch p.peek() {
		case "=":
			p.take()
			p.identifier()
		case "->":
			p.take()
			p.edges = append(p.edges, name+" -> "+p.identifier())
			p.attributes()
		default:
			p.nodes = append(p.nodes, name)
			p.attributes()
		}
	}
	p.expect(";")
}

func (p *dotParser) attributes() {
	p.expect("[")
	for p.err == nil && p.peek() != "]" {
		p.identifier()
		p.expect("=")
		p.identifier()
		if p.peek() == "," {
			p.take()
		}
	}
	p.expect("]")
}

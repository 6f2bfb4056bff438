package infer

import (
	"testing"

	"graphctl/collector"
)

// A scene is some spans and the edges that they prove, whatever the order in
// which they come.
type scene struct {
	name  string
	spans string
	want  string // FROM -> TO KIND CALLS/ERRORS
}

var scenes = []scene{
	// Parents.
	{"P1 parent with the same id in another trace of the same low half is not taken", `
		a:1 1 client shop
		b:1 1 client store
		a:1 2<1 server cart`,
		`shop -> cart rpc 1/0`},
	{"P1 three widths meet at the zero half", `
		a:1 1 client shop
		1 2<1 server cart
		1 3<2 client cart
		b:1 4<3 server pay`,
		`shop -> cart rpc 1/0
		cart -> pay rpc 1/0`},
	{"P2 a shared id joins whatever parent the server names", `
		1 1 server shop
		1 2<1 client shop
		1 2<9 server cart`,
		`user -> shop rpc 1/0
		shop -> cart rpc 1/0`},
	{"P2 of two outgoing halves the first is the parent", `
		1 2 client late at=5 peer=x
		1 2 client early
		1 2 server cart`,
		`early -> cart rpc 1/0
		late -> x rpc 1/0`},
	{"P3 a server under a shared id belongs to the client half", `
		1 2 client shop at=5
		1 2 server cart at=10
		1 3<2 server pay at=15`,
		`shop -> cart rpc 1/0
		shop -> pay rpc 1/0`},
	{"P3 a local span goes to the half of its own service, else to the server half", `
		1 2 client shop at=5
		1 2 server cart at=10
		1 3<2 internal shop at=12
		1 4<2 internal other at=15`,
		`shop -> cart rpc 1/0
		cart -> other rpc 1/0`},
	{"P6 a ring of three loses the parent of its first span", `
		1 1<3 internal a at=1
		1 2<1 internal b at=2
		1 3<2 internal c at=3`,
		`a -> b rpc 1/0
		b -> c rpc 1/0`},
	{"P6 a tail that hangs on a ring", `
		1 1<2 internal a at=2
		1 2<1 internal b at=1
		1 4<1 server c at=0`,
		`b -> a rpc 1/0
		a -> c rpc 1/0`},
	{"P6 a server that names itself has no user", `
		1 1<1 server api`, ``},
	{"P6 but its peer calls it", `
		1 1<1 server api peer=web`,
		`web -> api rpc 1/0`},
	{"P7 the first of two known callers", `
		1 1 client late at=9 peer=api
		2 1 client early at=1 peer=api
		3 1 server api at=10 link=1/1 link=2/1`,
		`early -> api rpc 1/0
		late -> api rpc 1/0
		late -> api link 1/0`},
	{"P7 within one trace, and in a trace of other width", `
		1 1 client shop
		1 2 server api link=1/1
		a:2 1 client shop
		3 2 server api link=2/1`,
		`shop -> api rpc 2/0`},
	{"P7 not for a server with a parent", `
		1 1 client shop peer=x
		2 2<8 server api link=1/1`,
		`shop -> x rpc 1/0
		shop -> api link 1/0`},
	{"P7 two servers restart one call", `
		1 1 client shop failed
		2 1 server api link=1/1
		3 1 server api link=1/1 failed`,
		`shop -> api rpc 2/1`},

	// Services.
	{"N3 a chain of nameless spans inherits through local spans only of lending kinds", `
		1 1 server shop
		1 2<1 internal -
		1 3<2 client -
		1 4<3 server -
		1 5<4 client - peer=db`,
		`user -> shop rpc 1/0
		shop -> unknown_service rpc 1/0
		unknown_service -> db rpc 1/0`},
	{"N3 a nameless client without a parent", `
		1 1 client - peer=x`,
		`unknown_service -> x rpc 1/0`},
	{"N3 the namespace of a nameless resource stays", `
		1 1 server ns/-`,
		`user -> ns/unknown_service rpc 1/0`},

	// Crossings.
	{"P4 an outgoing half is not looked for past another service", `
		1 1 client shop
		1 2<1 internal cart
		1 3<2 server pay`,
		`shop -> cart rpc 1/0
		cart -> pay rpc 1/0`},
	{"P4 a server stops the search", `
		1 1 client shop peer=x
		1 2<1 server shop
		1 3<2 internal shop
		1 4<3 server cart`,
		`shop -> shop rpc 1/0
		shop -> cart rpc 1/0`},
	{"P4 a database client answered by two services", `
		1 1 client shop db=mysql failed
		1 2<1 server a
		1 3<1 server b failed
		1 4<1 server b`,
		`shop -> a database 1/1
		shop -> b database 2/1`},
	{"P5 without a server span a database call is an rpc crossing", `
		1 1 client shop db=mysql
		1 2<1 internal vitess`,
		`shop -> vitess rpc 1/0`},
	{"P5 consumers above", `
		1 1 consumer a dest=q
		1 2<1 server b failed
		1 3<1 client b peer=x failed`,
		`q -> a messaging 1/0
		a -> b rpc 2/1
		b -> x rpc 1/1`},
	{"C1 a server beside local spans of its service", `
		1 1 client shop
		1 2<1 internal cart
		1 3<1 server cart
		1 4<1 internal cart`,
		`shop -> cart rpc 1/0`},
	{"C3 a remote parent makes a second server span a call", `
		1 1 server cart
		1 2<1 server cart remote
		1 3<1 server cart`,
		`user -> cart rpc 1/0
		cart -> cart rpc 1/0`},
	{"C3 a self call through a local span", `
		1 1 client tree
		1 2<1 internal tree
		1 3<2 server tree`,
		`tree -> tree rpc 1/0`},

	// Unanswered.
	{"U1 order of names", `
		1 1 client a db=redis peer=p addr=h:1 fn=f rpc=r
		2 1 client a peer=p addr=h:1 fn=f rpc=r
		3 1 client a addr=h:1 fn=f rpc=r
		4 1 client a addr=h:1 rpc=r
		5 1 client a rpc=r
		6 1 client a`,
		`a -> database:p database 1/0
		a -> external:p rpc 1/0
		a -> f rpc 1/0
		a -> h:1 rpc 1/0
		a -> r rpc 1/0`},
	{"U2 the outermost that has a name, through local spans and creates", `
		1 1 client a
		1 2<1 internal a
		1 3<2 client a peer=x
		1 4<3 internal a
		1 5<4 client a peer=y
		1 6<5 client a peer=z`,
		`a -> x rpc 1/0`},
	{"U2 two nests in one trace", `
		1 1 client a peer=x
		1 2<1 server b
		1 3<2 client b peer=y
		1 4<3 client b peer=z
		1 5 client a peer=w`,
		`a -> b rpc 1/0
		b -> y rpc 1/0
		a -> w rpc 1/0`},
	{"U2 a resolved span in the middle silences both sides", `
		1 1 client a peer=x
		1 2<1 client a peer=y
		1 3<2 client a peer=z
		1 4<2 server b`,
		`a -> b rpc 1/0`},
	{"U2 branches below an unnamed wrapper", `
		1 1 client a
		1 2<1 client a peer=x
		1 3<1 client a peer=y failed`,
		`a -> x rpc 1/0
		a -> y rpc 1/1`},
	{"U2 a publish inside silences the wrapper", `
		1 1 client a peer=sqs
		1 2<1 producer a sys=aws_sqs dest=q
		1 3<2 client a addr=sqs.amazonaws.com`,
		`a -> aws_sqs:q messaging 1/0`},
	{"U2 of nested publishes to one destination the outermost", `
		1 1 producer a dest=q
		1 2<1 internal a
		1 3<2 producer a dest=r
		1 4<3 producer a dest=q
		1 5 producer a dest=q`,
		`a -> q messaging 2/0
		a -> r messaging 1/0`},
	{"D2 names", `
		1 1 client a db=postgresql dbname=sales addr=pg:5432
		2 1 client a db=postgresql dbname=sales addr=pg:6432
		3 1 client a db=postgresql addr=pg:5432
		4 1 client a dbname=sales
		5 1 client a db=mongodb
		6 1 client a db=mysql addr=pg:5432
		7 1 internal a db=mysql`,
		`a -> sales@pg database 1/0
		a -> sales@pg:6432 database 1/0
		a -> pg database 1/0
		a -> sales database 1/0
		a -> mongodb database 1/0
		a -> pg:5432 database 1/0`},
	{"A1 loopback proves nothing", `
		1 1 client a addr=127.0.0.1:15001
		1 2<1 server b
		2 1 client a addr=127.0.0.1:15001
		3 1 client a addr=localhost:15001
		3 2<1 server b
		4 1 client a addr=localhost:15001`,
		`a -> b rpc 2/0
		a -> 127.0.0.1:15001 rpc 1/0
		a -> localhost:15001 rpc 1/0`},
	{"A1 from a restarted trace and a retry", `
		1 1 client a addr=b.svc:80
		2 1 server b link=1/1
		3 1 client c addr=b.svc failed`,
		`a -> b rpc 1/0
		c -> b rpc 1/1`},

	// Messaging.
	{"M1 a plain client above two consumers of one destination", `
		1 1 client a failed
		1 2<1 consumer b dest=q
		1 3<1 consumer c dest=q`,
		`a -> q messaging 1/1
		q -> b messaging 1/0
		q -> c messaging 1/0`},
	{"M1 a bare crossing", `
		1 1 server a
		1 2<1 consumer b dest=q failed`,
		`user -> a rpc 1/0
		a -> q messaging 1/0
		q -> b messaging 1/1`},
	{"M1 a bare crossing beside a link to the recorded publish", `
		1 1 server a
		1 2<1 producer a dest=q
		1 3<1 consumer b dest=q link=1/2`,
		`user -> a rpc 1/0
		a -> q messaging 1/0
		q -> b messaging 1/0`},
	{"M2 the producer takes the name that its consumers agree on, also across traces", `
		1 1 producer a sys=kafka
		1 2<1 consumer b sys=kafka dest=q
		2 1 consumer c sys=kafka dest=q link=1/1`,
		`a -> kafka:q messaging 1/0
		kafka:q -> b messaging 1/0
		kafka:q -> c messaging 1/0`},
	{"M2 consumers that disagree leave the broker, and routes from it", `
		1 1 producer a sys=kafka
		1 2<1 consumer b sys=kafka dest=q
		2 1 consumer c sys=kafka dest=r link=1/1`,
		`a -> kafka messaging 1/0
		kafka -> kafka:q messaging 1/0
		kafka -> kafka:r messaging 1/0
		kafka:q -> b messaging 1/0
		kafka:r -> c messaging 1/0`},
	{"M2 a consumer takes the name of its producers in other traces", `
		1 1 producer a sys=kafka dest=q
		2 1 producer b sys=kafka dest=q
		3 1 consumer c link=1/1 link=2/1`,
		`a -> kafka:q messaging 1/0
		b -> kafka:q messaging 1/0
		kafka:q -> c messaging 2/0`},
	{"M2 temporary destinations are one", `
		1 1 producer a sys=rabbitmq dest=(temporary)
		1 2<1 consumer b sys=rabbitmq dest=(temporary)`,
		`a -> rabbitmq:(temporary) messaging 1/0
		rabbitmq:(temporary) -> b messaging 1/0`},
	{"M3 direct, one call a known producer, across traces", `
		1 1 producer a failed
		2 1 producer b
		3 1 consumer c link=1/1 link=2/1 link=9/9`,
		`a -> c messaging 1/1
		b -> c messaging 1/0`},
	{"M3 a bare crossing without names", `
		1 1 internal a
		1 2<1 consumer b failed`,
		`a -> b messaging 1/1`},
	{"M4 a batch fails whole, a count of zero still publishes once", `
		1 1 producer a dest=q n=3 failed
		2 1 producer a dest=q n=0
		3 1 producer a dest=q link=8/1 link=8/2 link=8/1`,
		`a -> q messaging 6/3`},
	{"M4 parent and link to one context are one message", `
		1 1 producer a dest=q
		1 2<1 consumer b dest=q link=1/1 link=7/1 n=9`,
		`a -> q messaging 1/0
		q -> b messaging 2/0`},
	{"M4 ambient links are ignored once the target is known", `
		1 1 server a
		2 1 consumer b dest=q n=4 link=1/1`,
		`user -> a rpc 1/0
		q -> b messaging 4/0`},
	{"M4 create, send and process of a batch", `
		1 1 internal p
		1 2<1 producer p create sys=k dest=q
		1 3<1 producer p create sys=k dest=q
		1 4<1 client p send sys=k dest=q link=1/2 link=1/3
		2 1 client c receive sys=k dest=q link=1/2 link=1/3
		3 1 consumer c process sys=k dest=q link=1/2
		4 1 consumer c process sys=k dest=q link=1/3 failed`,
		`p -> k:q messaging 2/0
		k:q -> c messaging 2/1`},
	{"M5 a receive keeps what nobody processes, of another service too", `
		1 1 producer a dest=q
		2 1 producer a dest=q
		3 1 client c receive dest=q link=1/1 link=2/1
		4 1 consumer c process dest=q link=1/1
		5 1 consumer d process dest=q link=2/1`,
		`a -> q messaging 2/0
		q -> c messaging 2/0
		q -> d messaging 1/0`},
	{"M5 unknown producers, process elsewhere", `
		3 1 client c receive dest=q link=8/1 link=8/2
		4 1 consumer c process dest=q link=8/1`,
		`q -> c messaging 2/0`},
	{"M5 a process span below, through a local span", `
		1 1 client c receive dest=q n=5
		1 2<1 internal c
		1 3<2 consumer c dest=q
		1 4<2 consumer c dest=q`,
		`q -> c messaging 2/0`},
	{"M5 not through a publish of its own", `
		1 1 client c receive dest=q
		1 2<1 producer c dest=r
		1 3<2 consumer c dest=r`,
		`q -> c messaging 1/0
		c -> r messaging 1/0
		r -> c messaging 1/0`},
	{"M6 a route across traces, one call a message", `
		1 1 producer a sys=sns dest=t
		2 1 producer a sys=sns dest=t
		3 1 consumer b sys=sqs dest=q link=1/1 link=2/1 failed`,
		`a -> sns:t messaging 2/0
		sns:t -> sqs:q messaging 2/0
		sqs:q -> b messaging 2/2`},
	{"M7 push to two services", `
		1 1 producer a dest=q failed
		1 2<1 server b failed
		1 3<1 server c
		1 4<1 server c`,
		`a -> q messaging 1/1
		q -> b messaging 1/1
		q -> c messaging 2/0`},
	{"K2 settle does nothing", `
		1 1 client a settle dest=q
		1 2<1 client a peer=x
		1 3<1 server b`,
		`a -> x rpc 1/0
		a -> b rpc 1/0`},

	{"P1 an exact producer that comes after others under its low half", `
		1 1 consumer c link=2/1
		b:2 1 client a at=1 peer=x
		b:2 1 internal a at=2
		2 1 producer p at=3`,
		`a -> x rpc 1/0
		p -> c messaging 1/0`},

	// Links.
	{"K3 each linked span once, halves of one id are one", `
		1 1 server a
		1 2<1 client a at=5
		1 2<1 server b at=6
		2 1 internal c link=1/1 link=1/1 link=1/2 failed`,
		`user -> a rpc 1/0
		a -> b rpc 1/0
		a -> c link 2/2`},
	{"K3 not for messaging spans, nor their producers' own parent", `
		1 1 server a
		2 1 producer b dest=q link=1/1
		3 1 consumer c dest=q link=2/1`,
		`user -> a rpc 1/0
		b -> q messaging 1/0
		q -> c messaging 1/0`},

	// Roots.
	{"R1 R2 triggers and peers", `
		1 1 server a triggered
		2 1 server a triggered peer=p
		3 1 server a peer=a
		4 1<9 server a peer=q
		5 1<9 server a
		6 1 consumer a dest=x`,
		`p -> a rpc 1/0
		a -> a rpc 1/0
		q -> a rpc 1/0
		x -> a messaging 1/0`},
}

// TestScenes holds the rules against variants of their own, each in several
// orders of arrival, repeated, and with the engine restarted between spans.
func TestScenes(t *testing.T) {
	for _, s := range scenes {
		for _, r := range runs {
			t.Run(s.name+"/"+r.name, func(t *testing.T) {
				syms := collector.NewSymbols()
				l, e := r.play(t, syms, parseSpans(t, syms, s.spans))
				if got, want := l.edges(), lines(s.want); got != want {
					t.Errorf("edges\n%s\nwant\n%s", got, want)
				}
				checkAccounts(t, e)
				for k, st := range l.sum.Cells() {
					if st.Calls <= 0 {
						t.Errorf("%v has %d calls", k.Subject.Value(), st.Calls)
					}
				}
			})
		}
	}
}

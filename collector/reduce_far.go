package collector

import "bytes"

// farFields are a Far's strings before they are copied.
type farFields struct {
	peer, peerNamespace, function, host, rpcService, dbSystem, dbNamespace, msgSystem, destination []byte

	port uint16
}

// texts returns the strings in the order of Far.texts.
func (f *farFields) texts() [farTexts]*[]byte {
	return [...]*[]byte{&f.peer, &f.peerNamespace, &f.function, &f.host, &f.rpcService,
		&f.dbSystem, &f.dbNamespace, &f.msgSystem, &f.destination}
}

// far returns the number of what is known of the far side.
func (r *Reducer) far(role Role) Sym {
	if role == Local || role == Settle || r.span.set == 0 {
		return None
	}
	var f farFields
	r.peer(&f)
	if role != In {
		r.target(&f, role)
	}
	key := append(r.key[:0], byte(f.port), byte(f.port>>8))
	for i, t := range f.texts() {
		if len(*t) > 0 {
			key = appendField(append(key, byte(i)), *t)
		}
	}
	r.key = key
	if len(key) == 2 { // no text: a port alone says nothing
		return None
	}
	if y, ok := r.syms.fars.find(key); ok {
		return y
	}
	key = key[:2]
	for i, t := range f.texts() {
		bound := MaxOtherName
		if i == 0 {
			bound = MaxServiceName
		}
		if len(*t) > 0 {
			key = r.appendCleanField(append(key, byte(i)), *t, bound)
		}
	}
	r.key = key
	if y, ok := r.syms.fars.find(key); ok {
		return y
	}
	y, folded := r.syms.addFar(key)
	r.count(folded)
	return y
}

// peer reads the name of the other service.
func (r *Reducer) peer(f *farFields) {
	vs := &r.span
	if vs.set&peerAttributes == 0 {
		return
	}
	if f.peer = bytes.TrimSpace(vs.text(attrPeerName)); len(f.peer) > 0 {
		f.peerNamespace = bytes.TrimSpace(vs.text(attrPeerNamespace))
	} else {
		f.peer = bytes.TrimSpace(vs.text(AttrPeerService))
	}
}

// target reads what a call goes to, or what is consumed from.
func (r *Reducer) target(f *farFields, role Role) {
	vs := &r.span
	f.host, f.port = r.address()
	if role == Out {
		f.function = vs.text(attrInvokedName)
		f.rpcService = rpcService(vs)
	}
	if vs.set&databaseAttributes != 0 {
		f.dbSystem = databaseSystem(vs.first(attrDBSystemName, attrDBSystem))
		f.dbNamespace = vs.first(attrDBNamespace, attrDBName)
	}
	f.msgSystem = vs.text(attrMsgSystem)
	f.destination = r.destination()
}

func rpcService(vs *values) []byte {
	if s := vs.text(attrRPCService); len(s) > 0 {
		return s
	}
	method := bytes.TrimPrefix(vs.text(attrRPCMethod), []byte("/"))
	return method[:max(0, bytes.LastIndexByte(method, '/'))]
}

// New spellings of database systems (rule D2).
var (
	sqlServer = []byte("microsoft.sql_server")
	oracleDB  = []byte("oracle.db")
	ibmDB2    = []byte("ibm.db2")
	dynamoDB  = []byte("aws.dynamodb")
	cosmosDB  = []byte("azure.cosmosdb")
)

// databaseSystem maps old spellings of database systems to the new.
func databaseSystem(s []byte) []byte {
	switch string(s) {
	case "mssql":
		return sqlServer
	case "oracle":
		return oracleDB
	case "db2":
		return ibmDB2
	case "dynamodb":
		return dynamoDB
	case "cosmosdb":
		return cosmosDB
	}
	return s
}

// addresses are the places of an address in the order of rule U1.
var addresses = [...]struct {
	host, port Attribute
	form       addressForm
}{
	{attrServerAddress, attrServerPort, plainHost},
	{attrURLFull, noAttribute, hostInURL},
	{attrNetPeerName, AttrNetPeerPort, plainHost},
	{attrHTTPHost, noAttribute, hostAndPort},
	{attrHTTPURL, noAttribute, hostInURL},
	{attrNetworkPeerAddress, attrNetworkPeerPort, plainHost},
	{attrSockPeerName, attrSockPeerPort, plainHost},
	{attrSockPeerAddr, attrSockPeerPort, plainHost},
	{AttrNetPeerIP, AttrNetPeerPort, plainHost},
}

type addressForm uint8

const (
	plainHost   addressForm = iota // the host alone, an IPv6 address perhaps in brackets
	hostAndPort                    // host[:port]
	hostInURL                      // scheme://[user@]host[:port]...
)

const addressAttributes = 1<<attrServerAddress | 1<<attrURLFull | 1<<attrNetPeerName | 1<<attrHTTPHost | 1<<attrHTTPURL |
	1<<attrNetworkPeerAddress | 1<<attrSockPeerName | 1<<attrSockPeerAddr | 1<<AttrNetPeerIP

// address returns the first address, in lower case, and its port, 0 if unknown.
// The host is r.host.
func (r *Reducer) address() (host []byte, port uint16) {
	vs := &r.span
	if vs.set&addressAttributes == 0 {
		return nil, 0
	}
	for i := range addresses {
		a := &addresses[i]
		text := bytes.TrimSpace(vs.text(a.host))
		if len(text) == 0 {
			continue
		}
		switch a.form {
		case plainHost:
			host = trimBrackets(text)
			if n, ok := vs.number(a.port); ok {
				port = portOf(n)
			}
		case hostAndPort:
			host, port = splitPort(text)
		case hostInURL:
			host, port = splitPort(authority(text))
		}
		if len(host) > 0 {
			r.host = appendLower(r.host[:0], host)
			return r.host, port
		}
	}
	return nil, 0
}

func portOf(n int64) uint16 {
	if n < 1 || n > 65535 {
		return 0
	}
	return uint16(n)
}

func trimBrackets(host []byte) []byte {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// authority returns host[:port] of a URL, nil if it has none.
func authority(url []byte) []byte {
	i := bytes.Index(url, []byte("://"))
	if i <= 0 {
		return nil
	}
	a := url[i+3:]
	if i := bytes.IndexAny(a, `/?#\`); i >= 0 {
		a = a[:i]
	}
	return a[bytes.LastIndexByte(a, '@')+1:]
}

// splitPort splits host[:port]. What does not look like that is all host.
func splitPort(a []byte) (host []byte, port uint16) {
	if len(a) > 0 && a[0] == '[' {
		end := bytes.IndexByte(a, ']')
		if end < 0 {
			return a, 0
		}
		if rest := a[end+1:]; len(rest) > 0 && rest[0] == ':' {
			n, _ := parseInt(rest[1:])
			port = portOf(n)
		}
		return a[1:end], port
	}
	i := bytes.LastIndexByte(a, ':')
	if i < 0 || bytes.IndexByte(a, ':') != i { // none, or a bare IPv6 address
		return a, 0
	}
	n, _ := parseInt(a[i+1:])
	return a[:i], portOf(n)
}

package mdns

import "net/netip"

// Types of records and questions.
const (
	TypeA    uint16 = 1
	TypePTR  uint16 = 12
	TypeTXT  uint16 = 16
	TypeAAAA uint16 = 28
	TypeSRV  uint16 = 33
	TypeANY  uint16 = 255 // in questions alone
)

// Classes of records and questions.
const (
	ClassINET uint16 = 1
	ClassANY  uint16 = 255 // in questions alone
)

// Message is a DNS message as far as multicast DNS needs it. Records of types
// other than the five of [Record] are not kept.
type Message struct {
	ID            uint16
	Opcode        uint8 // 0 is a standard query, the only one in use
	Rcode         uint8 // 0 is success
	Response      bool
	Authoritative bool

	// Compress writes names that occur again as pointers to the first place.
	// It says nothing about messages read.
	Compress bool

	Questions   []Question
	Answers     []Record
	Authorities []Record
	Additionals []Record
}

// Question asks for the records of a name. The highest bit of Class asks for an
// answer by unicast.
type Question struct {
	Name  string // in presentation form, see [EscapeName]
	Type  uint16
	Class uint16
}

// Record is a PTR, SRV, TXT, A or AAAA record. Names are absolute and in
// presentation form. Of the last six fields only those of the type are set.
type Record struct {
	Name  string
	Type  uint16
	Class uint16
	TTL   uint32 // seconds

	Target   string     // of PTR and SRV
	Priority uint16     // of SRV
	Weight   uint16     // of SRV
	Port     uint16     // of SRV
	Addr     netip.Addr // of A and AAAA
	Text     []string   // of TXT: its strings, each at most 255 bytes, as they are
}

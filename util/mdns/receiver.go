package mdns

import (
	"errors"
	"net"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/logger"
)

// backlog is how many messages wait while an entry is delivered; further ones
// wait in the sockets' buffers.
const backlog = 64

// receiver passes on the responses that arrive.
type receiver struct {
	link     engine.Link
	messages chan *dns.Msg
	stop     chan struct{}
}

func newReceiver(iface *net.Interface) (*receiver, error) {
	r := &receiver{messages: make(chan *dns.Msg, backlog), stop: make(chan struct{})}
	link, err := (&engine.Multicast{Interface: iface, Debugf: debugf}).Open(r.receive)
	if err != nil {
		return nil, err
	}
	r.link = link
	return r, nil
}

func (r *receiver) receive(p engine.Packet) {
	msg := new(dns.Msg)
	if err := msg.Unpack(p.Data); err != nil {
		debugf("mdns: packet from %v: %v", p.From, err)
		return
	}
	if !msg.Response {
		return
	}
	select {
	case r.messages <- msg:
	case <-r.stop:
	}
}

func (r *receiver) ask(msg *dns.Msg) error {
	datagrams, err := pack(msg)
	for _, data := range datagrams {
		err = errors.Join(err, r.link.Ask(data))
	}
	return err
}

// askFor asks for the records of an incomplete instance. Responders that know
// nothing to say to the first question answer the second.
func (r *receiver) askFor(e *partial) {
	msg := fromMessage(engine.NewQuery(e.entry.Name, dns.TypePTR, false))
	all := msg.Question[0]
	all.Qtype = dns.TypeANY
	msg.Question = append(msg.Question, all)
	if err := r.ask(msg); err != nil {
		logger.Logf(logger.WarnLevel, "mdns: ask for %s: %v", e.entry.Name, err)
	}
}

func (r *receiver) close() {
	close(r.stop)
	r.link.Close()
}

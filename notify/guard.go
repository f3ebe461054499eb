package notify

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"sluice/internal/ask"
)

// guard decides which addresses webhooks may go to. A tenant says the URL, and the process that sends may stand where a
// tenant cannot reach: the metadata service of a cloud, a database without a password. So it asks about the
// address that is about to be connected to, after names were resolved and for each try: a name that answers with
// another address the second time gains nothing.
type guard struct {
	allowed []netip.Prefix // by the operator, beyond what is public
	plain   bool           // for http: only what the operator allowed
}

// notPublic are the ranges that are nobody's on the internet, or lead back to one's own: IANA's special-purpose
// registries (RFC 6890), and those with an IPv4 address inside.
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// ParseNetworks reads networks that an operator allows: 10.1.0.0/16, or a single address.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, ask.Wrong("webhook-network", "%q: it is a network like 10.1.0.0/16, or an address", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// check says why an address may not be connected to.
func (g guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	for _, p := range g.allowed {
		if p.Contains(addr) {
			return nil
		}
	}
	if g.plain {
		return fmt.Errorf("http:// is for networks that the operator allows (--webhook-network), and %s is in none: use https://", addr)
	}
	for _, p := range notPublic {
		if p.Contains(addr) {
			return fmt.Errorf("%s is no public address: the operator allows networks by --webhook-network", addr)
		}
	}
	return nil
}

// dialer connects where the guard lets it.
func (g guard) dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return g.check(at.Addr())
	}}
}

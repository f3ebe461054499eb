package cyclonedx

import (
	cdx "github.com/CycloneDX/cyclonedx-go"
)

// tidier mends what can be written as XML and read by the library, but not
// written as JSON by it.
type tidier struct {
	// singleIdentity: evidence.identity is an object in 1.5 and an array from 1.6 on.
	singleIdentity bool
}

func (t tidier) metadata(m *cdx.Metadata) {
	m.Tools = t.tools(m.Tools)
	t.component(m.Component)
	t.licenses(m.Licenses)
}

func (t tidier) vulnerability(v *cdx.Vulnerability) { v.Tools = t.tools(v.Tools) }

// tools drops an empty list of tools, for which the library writes no JSON at all.
func (t tidier) tools(tools *cdx.ToolsChoice) *cdx.ToolsChoice {
	if tools == nil || tools.Tools == nil && tools.Components == nil && tools.Services == nil {
		return nil
	}
	t.components(tools.Components)
	t.services(tools.Services)
	return tools
}

func (t tidier) components(list *[]cdx.Component) {
	if list == nil {
		return
	}
	for i := range *list {
		t.component(&(*list)[i])
	}
}

func (t tidier) component(c *cdx.Component) {
	if c == nil {
		return
	}
	t.licenses(c.Licenses)
	t.components(c.Components)
	if p := c.Pedigree; p != nil {
		t.components(p.Ancestors)
		t.components(p.Descendants)
		t.components(p.Variants)
	}
	if e := c.Evidence; e != nil {
		t.licenses(e.Licenses)
		if id := e.Identity; t.singleIdentity && id != nil && id.Identities != nil && len(*id.Identities) > 0 {
			e.Identity = &cdx.EvidenceIdentityChoice{Identity: &(*id.Identities)[0]}
		}
	}
}

func (t tidier) services(list *[]cdx.Service) {
	if list == nil {
		return
	}
	for i := range *list {
		t.service(&(*list)[i])
	}
}

func (t tidier) service(s *cdx.Service) {
	t.licenses(s.Licenses)
	t.services(s.Services)
}

// licenses makes each license have an id or a name, and not both.
func (tidier) licenses(list *cdx.Licenses) {
	if list == nil {
		return
	}
	for _, choice := range *list {
		l := choice.License
		switch {
		case l == nil:
		case l.ID != "":
			l.Name = ""
		case l.Name == "":
			l.Name = "NOASSERTION"
		}
	}
}

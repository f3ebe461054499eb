package cyclonedx

import "encoding/xml"

// The slim types hold the part of an XML document that is read from its JSON
// form. All of it is text, so that no value can be refused. They serve the
// documents that the library gives up on.
type (
	slimBOM struct {
		XMLName         xml.Name            `json:"-" xml:"bom"`
		Format          string              `json:"bomFormat" xml:"-"`
		SpecVersion     string              `json:"specVersion" xml:"-"`
		SerialNumber    string              `json:"serialNumber,omitempty" xml:"serialNumber,attr"`
		Metadata        *slimMetadata       `json:"metadata,omitempty" xml:"metadata"`
		Components      []slimComponent     `json:"components,omitempty" xml:"components>component"`
		Services        []slimService       `json:"services,omitempty" xml:"services>service"`
		Dependencies    []slimDependency    `json:"dependencies,omitempty" xml:"dependencies>dependency"`
		Vulnerabilities []slimVulnerability `json:"vulnerabilities,omitempty" xml:"vulnerabilities>vulnerability"`
	}
	slimMetadata struct {
		Timestamp    string         `json:"timestamp,omitempty" xml:"timestamp"`
		Component    *slimComponent `json:"component,omitempty" xml:"component"`
		Supplier     *slimEntity    `json:"supplier,omitempty" xml:"supplier"`
		Manufacturer *slimEntity    `json:"manufacturer,omitempty" xml:"manufacturer"`
		Manufacture  *slimEntity    `json:"manufacture,omitempty" xml:"manufacture"`
		Authors      []slimEntity   `json:"authors,omitempty" xml:"authors>author"`
	}
	slimEntity struct {
		Name string `json:"name,omitempty" xml:"name"`
	}
	slimComponent struct {
		Ref        string          `json:"bom-ref,omitempty" xml:"bom-ref,attr"`
		Type       string          `json:"type,omitempty" xml:"type,attr"`
		Group      string          `json:"group,omitempty" xml:"group"`
		Name       string          `json:"name" xml:"name"`
		Version    string          `json:"version,omitempty" xml:"version"`
		Scope      string          `json:"scope,omitempty" xml:"scope"`
		CPE        string          `json:"cpe,omitempty" xml:"cpe"`
		Purl       string          `json:"purl,omitempty" xml:"purl"`
		Components []slimComponent `json:"components,omitempty" xml:"components>component"`
	}
	slimService struct {
		Ref      string        `json:"bom-ref,omitempty" xml:"bom-ref,attr"`
		Name     string        `json:"name" xml:"name"`
		Services []slimService `json:"services,omitempty" xml:"services>service"`
	}
	slimVulnerability struct {
		ID             string          `json:"id,omitempty" xml:"id"`
		References     []slimReference `json:"references,omitempty" xml:"references>reference"`
		Recommendation string          `json:"recommendation,omitempty" xml:"recommendation"`
		Workaround     string          `json:"workaround,omitempty" xml:"workaround"`
		Analysis       *slimAnalysis   `json:"analysis,omitempty" xml:"analysis"`
		Affects        []slimAffect    `json:"affects,omitempty" xml:"affects>target"`
	}
	slimReference struct {
		ID string `json:"id,omitempty" xml:"id"`
	}
	slimAnalysis struct {
		State         string   `json:"state,omitempty" xml:"state"`
		Justification string   `json:"justification,omitempty" xml:"justification"`
		Responses     []string `json:"response,omitempty" xml:"responses>response"`
		Detail        string   `json:"detail,omitempty" xml:"detail"`
		FirstIssued   string   `json:"firstIssued,omitempty" xml:"firstIssued"`
		LastUpdated   string   `json:"lastUpdated,omitempty" xml:"lastUpdated"`
	}
	slimAffect struct {
		Ref      string        `json:"ref,omitempty" xml:"ref"`
		Versions []slimVersion `json:"versions,omitempty" xml:"versions>version"`
	}
	slimVersion struct {
		Version string `json:"version,omitempty" xml:"version"`
		Range   string `json:"range,omitempty" xml:"range"`
		Status  string `json:"status,omitempty" xml:"status"`
	}
	slimDependency struct {
		Ref       string    `json:"ref" xml:"ref,attr"`
		DependsOn []slimRef `json:"dependsOn,omitempty" xml:"dependency"`
		Provides  []slimRef `json:"provides,omitempty" xml:"provides"`
	}
	// slimRef is an element with a ref in XML and a mere string in JSON.
	slimRef struct {
		Ref string `xml:"ref,attr"`
	}
)

// MarshalText makes a slimRef a JSON string.
func (r slimRef) MarshalText() ([]byte, error) { return []byte(r.Ref), nil }

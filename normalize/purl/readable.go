package purl

// Unreadable says why nothing can be matched by s, or "" where something can. It is for
// what a VEX statement names: a statement about a purl that Parse gives up on is about
// nothing, and must not become one about whatever else it names.
func Unreadable(s string) string {
	p, err := Parse(s)
	switch {
	case err != nil && s == "":
		return "is empty"
	case err != nil:
		if problem := Problem(s); problem != "" {
			return problem
		}
		return "is no purl"
	case len(p.Purl) > MaxLength:
		return "is too long"
	case p.Reason == ReasonInvalidPurl:
		return "holds bytes that are no text"
	}
	return ""
}

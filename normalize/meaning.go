package normalize

// Meaning says what does not count when two documents are compared: what changes with
// every run of a generator, and what the notation needs and the format gives no sense to.
// All of it is about the JSON form of the document, [Document.JSON] where there is one.
type Meaning struct {
	// Volatile are JSON Pointers of members that do not count at all: serial numbers, timestamps.
	Volatile []string
	// Sets are the names of members whose arrays are in no order, wherever they stand.
	//
	// The value is "" as a rule. Where it is the name of a member, only elements that differ in
	// that member are in no order: of two about the same the later one counts.
	Sets map[string]string
	// NoEmpty says that an empty array is the same as none, wherever it stands: some notations
	// of the standard cannot say that a list is there and empty.
	NoEmpty bool
	// Times are the names of members whose text is a time: the instant counts, not the zone
	// that it is written in.
	Times map[string]bool
	// Form, where it is not nil, turns the JSON form into the one that is compared: of a fact
	// that can be said in several ways it leaves one. What it cannot read it returns as it is.
	Form func(json []byte) []byte
}

// Comparer is a Format whose documents may say the same in different bytes. Those of a
// format that is none mean the same where their canonical JSON is the same.
type Comparer interface {
	Format
	// Meaning says what does not count. All notations of one standard share it, so that a
	// document means the same in each of them.
	Meaning() *Meaning
}

// MeaningOf is what does not count in documents of a format; never nil.
func MeaningOf(f Format) *Meaning {
	if c, ok := f.(Comparer); ok {
		return c.Meaning()
	}
	return &Meaning{}
}

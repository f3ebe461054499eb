package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/internal/id"
)

// FileReport is what VerifyFile found.
type FileReport struct {
	TenantID id.ID  `json:"tenant_id"`
	Entries  int64  `json:"entries"`
	First    int64  `json:"first"` // number of the first entry
	Prev     Hash   `json:"prev"`  // the hash of the one before
	Last     int64  `json:"last"`
	Hash     Hash   `json:"hash"` // of the last entry
	Fault    *Fault `json:"fault"`
}

// VerifyFile checks files that Export has written, on their own, without any database: several are one
// chain, in the order in which they are given. Anchors of other tenants and entries are passed over.
func VerifyFile(files []io.Reader, anchors []Anchor) (FileReport, error) {
	c := fileChain{anchors: anchors}
	for n, f := range files {
		err := c.read(f)
		var fault *Fault
		if errors.As(err, &fault) {
			c.report.Fault = fault
			return c.report, nil
		}
		if err != nil {
			return c.report, fmt.Errorf("file %d: %w", n+1, err)
		}
	}
	return c.report, nil
}

type fileChain struct {
	report  FileReport
	anchors []Anchor
	before  *head // the entry before
}

// head is what a line says of itself; the others are members of an anchor.
type head struct {
	Seq      int64  `json:"seq"`
	Prev     *Hash  `json:"prev"`
	TenantID id.ID  `json:"tenant_id"`
	ID       id.ID  `json:"id"`
	Action   string `json:"action"`
	Hash     *Hash  `json:"hash"`
}

func (h *head) fault(kind, why string, args ...any) *Fault {
	f := &Fault{Seq: h.Seq, Action: h.Action, Kind: kind, Why: fmt.Sprintf(why, args...)}
	if h.ID != (id.ID{}) {
		f.ID = h.ID.String()
	}
	return f
}

// read checks one file: lines, and an anchor at the end.
func (c *fileChain) read(f io.Reader) error {
	in := bufio.NewReaderSize(f, 1<<16)
	ended := false
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		var h head
		if err := json.Unmarshal(line, &h); err != nil {
			return fmt.Errorf("line %d is no entry of an audit log: %w", n, err)
		}
		switch {
		case ended:
			return fmt.Errorf("line %d follows the anchor, which is the last line of a file", n)
		case h.Prev == nil && h.Hash != nil:
			ended = true
			if err := c.trailer(h); err != nil {
				return err
			}
		case h.Prev == nil:
			return fmt.Errorf(`line %d is no entry of an audit log: it has no "prev"`, n)
		default:
			if err := c.entry(h, line); err != nil {
				return err
			}
		}
	}
	if !ended {
		return &Fault{Seq: c.report.Last + 1, Kind: Missing, Why: "the file ends without its last line, the anchor: it was cut short"}
	}
	return nil
}

func (c *fileChain) entry(h head, line []byte) error {
	r := &c.report
	switch {
	case c.before == nil:
		r.TenantID, r.First, r.Prev = h.TenantID, h.Seq, *h.Prev
		if h.Seq == 1 && *h.Prev != (Hash{}) {
			return h.fault(Edited, "the first entry has no entry before it")
		}
	case h.TenantID != r.TenantID:
		return h.fault(Inserted, "it is an entry of tenant %s, the ones before are of %s", h.TenantID, r.TenantID)
	case h.Seq <= r.Last:
		return h.fault(Forked, "it follows entry %d", r.Last)
	case h.Seq > r.Last+1:
		return &Fault{Seq: r.Last + 1, Kind: Missing, Why: fmt.Sprintf("the chain goes on with entry %d", h.Seq)}
	case *h.Prev != r.Hash:
		return c.before.fault(Edited, "its hash is %s, and entry %d says %s", r.Hash, h.Seq, *h.Prev)
	}
	r.Last, r.Hash, c.before = h.Seq, HashOf(line), &h
	r.Entries++
	for _, a := range c.anchors {
		if a.TenantID == r.TenantID && a.Seq == r.Last && a.Hash != r.Hash {
			return h.fault(Edited, "its hash is %s; %s says %s: this entry or one before it was written anew", r.Hash, a.taken(), a.Hash)
		}
	}
	return nil
}

// trailer compares the anchor at the end of a file with its last entry.
func (c *fileChain) trailer(h head) error {
	r := &c.report
	switch {
	case c.before == nil || h.Seq > r.Last:
		return &Fault{Seq: r.Last + 1, Kind: Missing, Why: fmt.Sprintf("the last line says that the file goes up to entry %d", h.Seq)}
	case h.Seq < r.Last:
		return c.before.fault(Inserted, "the last line says that the file goes up to entry %d", h.Seq)
	case *h.Hash != r.Hash:
		return c.before.fault(Edited, "its hash is %s, and the last line says %s", r.Hash, *h.Hash)
	}
	return nil
}

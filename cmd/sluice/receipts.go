package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"sluice/ingest"
)

// receiptFile writes receipts as JSON Lines. A trouble with it is kept and reported at
// the end: the documents are stored whatever becomes of the file.
type receiptFile struct {
	f   *os.File
	w   *bufio.Writer
	err error
}

// open makes the file; with "" there is none.
func (r *receiptFile) open(path string, goOn bool) error {
	if path == "" {
		return nil
	}
	mode := os.O_TRUNC
	if goOn { // a run that goes on adds to what it has written: what is stored gets no receipt again
		mode = os.O_APPEND
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|mode, 0o644)
	if err != nil {
		return fmt.Errorf("receipts: %w", err)
	}
	r.f, r.w = f, bufio.NewWriter(f)
	return nil
}

func (r *receiptFile) write(list []ingest.Receipt) {
	if r.f == nil || r.err != nil {
		return
	}
	enc := json.NewEncoder(r.w)
	enc.SetEscapeHTML(false)
	for _, receipt := range list {
		if err := enc.Encode(receipt); err != nil {
			r.err = err
			return
		}
	}
	// Per batch: whoever follows the file sees what is stored, and a crash loses none of that.
	r.err = r.w.Flush()
}

func (r *receiptFile) flush() error {
	if r.f == nil {
		return nil
	}
	if r.err == nil {
		r.err = r.w.Flush()
	}
	if r.err != nil {
		return fmt.Errorf("the documents are stored, but not all receipts are written: %w", r.err)
	}
	return nil
}

func (r *receiptFile) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

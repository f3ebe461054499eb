package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/backup/storage"
)

// walHead is the first line of an object of the archive; what follows is the file, sealed. The
// sum of the file as PostgreSQL wrote it tells the same bytes from others: sealed twice, they never look the same.
type walHead struct {
	Format     int    `json:"sluice_wal"` // 1
	File       string `json:"file"`
	Bytes      int64  `json:"bytes"`
	SHA256     string `json:"sha256"`
	Stored     int64  `json:"stored_bytes"` // of what follows
	StoredSum  string `json:"stored_sha256"`
	Encryption string `json:"encryption"`
}

const (
	maxHead = 4 << 10
	maxWAL  = 1 << 30 // PostgreSQL's largest segment
)

// ErrOtherWAL says that the archive has a file of that name with other bytes: two clusters archive
// into one place, or a server went back in time without a new timeline.
var ErrOtherWAL = errors.New("the archive has other bytes under this name, and keeps them: another server archives to the same place")

// PageError says that a segment is not what its name says, or is not whole.
type PageError struct{ File, Why string }

func (e *PageError) Error() string { return e.File + ": " + e.Why }

// firstPage is what the first page of a segment says of it.
type firstPage struct {
	timeline uint32
	at       LSN
	system   systemID
	size     uint64
}

// readFirstPage reads XLogLongPageHeaderData. Its numbers are in the byte order of the server, which is that of all machines we know.
func readFirstPage(name string, b []byte) (firstPage, error) {
	const longHeader = 2 // XLP_LONG_HEADER
	var p firstPage
	if len(b) < 40 || b[1] != 0xD1 || binary.LittleEndian.Uint16(b[2:])&longHeader == 0 {
		return p, &PageError{name, "does not begin as WAL does"}
	}
	p.timeline = binary.LittleEndian.Uint32(b[4:])
	p.at = LSN(binary.LittleEndian.Uint64(b[8:]))
	p.system = systemID(binary.LittleEndian.Uint64(b[24:]))
	p.size = uint64(binary.LittleEndian.Uint32(b[32:]))
	if !segmentSize(p.size) {
		return p, &PageError{name, fmt.Sprintf("says that segments have %d bytes", p.size)}
	}
	return p, nil
}

// checkSegment refuses a segment that is not whole, or not the one of its name.
func checkSegment(name string, b []byte) (firstPage, error) {
	p, err := readFirstPage(name, b)
	if err != nil {
		return p, err
	}
	s, ok := parseSegment(name, p.size)
	switch {
	case !ok:
		return p, &PageError{name, "is no name of a segment"}
	case uint64(len(b)) != p.size:
		return p, &PageError{name, fmt.Sprintf("has %d bytes of %d: it is half-written", len(b), p.size)}
	case p.at != s.start(p.size):
		return p, &PageError{name, fmt.Sprintf("holds the WAL from %s, not from %s", p.at, s.start(p.size))}
	case p.timeline > s.timeline:
		return p, &PageError{name, fmt.Sprintf("is of timeline %d", p.timeline)}
	}
	return p, nil
}

// walObject is where the archive keeps a file.
func walObject(system systemID, name string) string {
	dir := clusterDir(system) + "wal/"
	if historyName.MatchString(name) {
		return dir + name
	}
	return dir + name[:8] + "/" + name
}

func clusterDir(system systemID) string { return "clusters/" + system.String() + "/" }

// ArchiveFile archives a file as archive_command hands it over: its path, relative to the data
// folder in which we were started. It is durable when it returns; a file that is there already with the same bytes is fine.
func ArchiveFile(ctx context.Context, store storage.Store, keys Keys, file string) (string, error) {
	name := filepath.Base(file)
	if !segmentName.MatchString(name) && !historyName.MatchString(name) && !backupName.MatchString(name) && !partialName.MatchString(name) {
		return "", fmt.Errorf("%s is no name of a file of WAL; in archive_command write: sluice backup archive %%p", name)
	}
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxWAL {
		err = fmt.Errorf("%s is larger than any segment", file)
	}
	if err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	var system systemID
	if segmentName.MatchString(name) {
		p, err := checkSegment(name, b)
		if err != nil {
			return "", fmt.Errorf("archive: %w", err)
		}
		system = p.system
	} else if system, err = systemOf(filepath.Join(filepath.Dir(file), "..")); err != nil {
		return "", fmt.Errorf("archive %s: %w", name, err)
	}
	return name, putWAL(ctx, store, keys, system, name, b)
}

// systemOf reads the number of the cluster from a data folder.
func systemOf(data string) (systemID, error) {
	f, err := os.Open(filepath.Join(data, "global", "pg_control"))
	if err != nil {
		return 0, fmt.Errorf("which cluster it is of: %w", err)
	}
	defer f.Close()
	var b [8]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return 0, fmt.Errorf("which cluster it is of: %w", err)
	}
	return systemID(binary.LittleEndian.Uint64(b[:])), nil
}

// putWAL stores a file of WAL, once.
func putWAL(ctx context.Context, store storage.Store, keys Keys, system systemID, name string, plain []byte) error {
	object := walObject(system, name)
	head := walHead{Format: 1, File: name, Bytes: int64(len(plain)), SHA256: fmt.Sprintf("%x", sha256.Sum256(plain)), Encryption: keys.encryption()}
	// The look costs a request, the sealing a processor.
	if done, err := sameWAL(ctx, store, object, head); done || err != nil {
		return err
	}
	sealed, err := keys.sealBytes(plain)
	if err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	head.Stored, head.StoredSum = int64(len(sealed)), fmt.Sprintf("%x", sha256.Sum256(sealed))
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	body := io.MultiReader(bytes.NewReader(line), bytes.NewReader(sealed))
	err = store.Create(ctx, object, body, int64(len(line)+len(sealed)))
	if errors.Is(err, storage.ErrExists) {
		// Somebody was faster. What counts is whether it is the same.
		var done bool
		if done, err = sameWAL(ctx, store, object, head); err == nil && !done {
			err = errors.New("it was there and is not any more")
		}
	}
	if err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	return nil
}

// sameWAL tells whether the archive has the file already; with other bytes it is an error.
func sameWAL(ctx context.Context, store storage.Store, object string, want walHead) (bool, error) {
	have, body, err := openWAL(ctx, store, object)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	body.Close()
	if have.SHA256 != want.SHA256 || have.File != want.File {
		return false, fmt.Errorf("archive %s: %w", want.File, ErrOtherWAL)
	}
	return true, nil
}

// openWAL opens an object of the archive after its head.
func openWAL(ctx context.Context, store storage.Store, object string) (walHead, io.ReadCloser, error) {
	var head walHead
	r, err := store.Open(ctx, object)
	if err != nil {
		return head, nil, err
	}
	line, err := readLine(r)
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		err = fmt.Errorf("%s: corrupted: its first line cannot be read: %w", object, err)
	case head.File != path.Base(object):
		err = fmt.Errorf("%s: corrupted: it holds %s", object, head.File)
	case head.Format != 1:
		err = fmt.Errorf("%s: this program does not know format %d of WAL; a newer one wrote it", object, head.Format)
	}
	if err != nil {
		r.Close()
		return head, nil, err
	}
	return head, r, nil
}

// readLine reads a short line byte by byte: what follows is for others.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxHead {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, err
		}
		if b[0] == '\n' {
			return line, nil
		}
		line = append(line, b[0])
	}
	return nil, errors.New("it does not end")
}

// readWAL reads and checks a file of the archive. Without keys that read only what is stored is checked, and plain is nil.
func readWAL(ctx context.Context, store storage.Store, keys Keys, object string) (head walHead, plain []byte, err error) {
	head, r, err := openWAL(ctx, store, object)
	if err != nil {
		return head, nil, err
	}
	defer r.Close()
	if head.Bytes > maxWAL || head.Stored > 2*maxWAL {
		return head, nil, fmt.Errorf("%s: corrupted: it says that it has %d bytes", object, head.Bytes)
	}
	stored, err := io.ReadAll(io.LimitReader(r, head.Stored+1))
	if err != nil {
		return head, nil, fmt.Errorf("read %s: %w", object, err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(stored)); int64(len(stored)) != head.Stored || sum != head.StoredSum {
		return head, nil, fmt.Errorf("%s: corrupted: it has %d bytes with SHA-256 %.12s…, and was written with %d and %.12s…", object, len(stored), sum, head.Stored, head.StoredSum)
	}
	if head.Encryption == "age" && !keys.CanRead() {
		return head, nil, nil
	}
	plain, err = keys.openBytes(stored, head.Encryption, head.Bytes)
	if err != nil {
		return head, nil, fmt.Errorf("%s: %w", object, err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(plain)); int64(len(plain)) != head.Bytes || sum != head.SHA256 {
		return head, nil, fmt.Errorf("%s: corrupted: it opens to other bytes than were archived", object)
	}
	if segmentName.MatchString(head.File) {
		if _, err := checkSegment(head.File, plain); err != nil {
			return head, nil, fmt.Errorf("%s: corrupted: %w", object, err)
		}
	}
	return head, plain, nil
}

// switchPoint is a line of a history file: where a timeline was left for the next one.
type switchPoint struct {
	timeline uint32
	at       LSN
}

// parseHistory reads PostgreSQL's history file: the timelines before this one, oldest first.
func parseHistory(name string, b []byte) ([]switchPoint, error) {
	var list []switchPoint
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		at, err := ParseLSN(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, switchPoint{uint32(n), at})
	}
	return list, nil
}

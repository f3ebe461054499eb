package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// baseSink takes what BASE_BACKUP sends, in its order.
type baseSink interface {
	// archive begins the next: base.tar, OID.tar of a tablespace that is at path, backup_manifest.
	archive(name, path string) error
	data([]byte) error
	// progress says how much the server has read.
	progress(bytes int64)
}

// baseResult is what the server says of the backup itself.
type baseResult struct {
	timeline    uint32
	start, stop LSN
}

// manifestName is the name of PostgreSQL's list of files, here and in a data folder.
const manifestName = "backup_manifest"

// baseBackup runs BASE_BACKUP in the form of PostgreSQL 15 and newer: all archives and the manifest
// in one stream of copy messages, each with a letter for what it is.
//
// WAL is part of it, so the backup is right without any archive. A slot of this session keeps that WAL
// until it is sent.
func (s *server) baseBackup(ctx context.Context, label string, sink baseSink) (out baseResult, err error) {
	slot := fmt.Sprintf("sluice_base_%d", s.conn.PID())
	if _, err := s.query(ctx, "CREATE_REPLICATION_SLOT "+slot+" TEMPORARY PHYSICAL RESERVE_WAL"); err != nil {
		return out, fmt.Errorf("keep WAL during the backup: %w", err)
	}
	// WAIT 0: not for the server's archiver, which may be broken. What has to be archived we wait for ourselves, and not for ever.
	command := "BASE_BACKUP (LABEL " + quote(label) + ", PROGRESS, CHECKPOINT 'fast', WAL, WAIT 0, TABLESPACE_MAP, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')"
	if err := s.send(command); err != nil {
		return out, err
	}
	if out.start, out.timeline, err = s.place(ctx); err != nil {
		return out, fmt.Errorf("begin the backup: %w", err)
	}
	spaces, err := s.rows(ctx)
	if err != nil {
		return out, err
	}
	var total int64
	for _, row := range spaces {
		var n int64
		if len(row) > 2 {
			_, _ = fmt.Sscan(row[2], &n)
		}
		total += n << 10
	}
	sink.progress(-total)
	if err := s.copyOut(ctx, sink); err != nil {
		return out, err
	}
	if out.stop, _, err = s.place(ctx); err != nil {
		return out, fmt.Errorf("end the backup: %w", err)
	}
	for {
		m, err := s.receive(ctx)
		if err != nil {
			return out, fmt.Errorf("end the backup: %w", err)
		}
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			return out, nil
		}
	}
}

// place reads the result that says where in the WAL we are.
func (s *server) place(ctx context.Context) (LSN, uint32, error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return 0, 0, err
	}
	if len(rows) != 1 || len(rows[0]) < 2 {
		return 0, 0, errors.New("the server does not say where in the WAL it is")
	}
	at, err := ParseLSN(rows[0][0])
	if err != nil {
		return 0, 0, err
	}
	var timeline uint32
	_, err = fmt.Sscan(rows[0][1], &timeline)
	return at, timeline, err
}

func (s *server) copyOut(ctx context.Context, sink baseSink) error {
	m, err := s.receive(ctx)
	if err != nil {
		return err
	}
	if _, ok := m.(*pgproto3.CopyOutResponse); !ok {
		return fmt.Errorf("the server answers with %T", m)
	}
	for {
		m, err := s.receive(ctx)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.CopyData:
			if err := take(m.Data, sink); err != nil {
				return err
			}
		case *pgproto3.CopyDone:
			return nil
		default:
			return fmt.Errorf("the server answers with %T", m)
		}
	}
}

func take(message []byte, sink baseSink) error {
	if len(message) == 0 {
		return errors.New("the server sends an empty message")
	}
	body := message[1:]
	switch message[0] {
	case 'n':
		names := strings.SplitN(string(body), "\x00", 3)
		if len(names) < 2 {
			return errors.New("the server begins an archive without a name")
		}
		return sink.archive(names[0], names[1])
	case 'd':
		return sink.data(body)
	case 'm':
		return sink.archive(manifestName, "")
	case 'p':
		if len(body) == 8 {
			sink.progress(int64(binary.BigEndian.Uint64(body)))
		}
		return nil
	}
	return fmt.Errorf("the server sends messages of kind %q; this program knows those of PostgreSQL 15 to 18", bytes.ToValidUTF8(message[:1], []byte("?")))
}

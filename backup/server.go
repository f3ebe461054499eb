package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/internal/pg"
)

// oldest is the oldest server whose form of BASE_BACKUP we read.
const oldest = 16

// server is a connection by the replication protocol.
type server struct {
	conn     *pgconn.PgConn
	system   systemID
	timeline uint32
	flushed  LSN
	segment  uint64 // bytes
}

// replicate connects as pg_basebackup and pg_receivewal do.
func (c Config) replicate(ctx context.Context) (*server, error) {
	conn, err := pg.ConnectReplication(ctx, c.URL, c.Login)
	if err != nil {
		var pe *pgconn.PgError
		if errors.As(err, &pe) && (pe.Code == "42501" || pe.Code == "28000") {
			return nil, fmt.Errorf("connect for replication: %w; backups are made by a role with `login replication` that pg_hba.conf lets in for `replication`: name it with --backup-url", err)
		}
		return nil, fmt.Errorf("connect for replication: %w", err)
	}
	s := &server{conn: conn}
	if err := s.identify(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// query runs a command whose answer is rows of text.
func (s *server) query(ctx context.Context, sql string) ([][]string, error) {
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range results {
		for _, row := range r.Rows {
			var values []string
			for _, v := range row {
				values = append(values, string(v))
			}
			rows = append(rows, values)
		}
	}
	return rows, nil
}

func (s *server) identify(ctx context.Context) error {
	rows, err := s.query(ctx, "IDENTIFY_SYSTEM")
	if err == nil && (len(rows) != 1 || len(rows[0]) < 3) {
		err = errors.New("an answer of another form")
	}
	if err != nil {
		return fmt.Errorf("which server it is: %w", err)
	}
	system, err1 := strconv.ParseUint(rows[0][0], 10, 64)
	timeline, err2 := strconv.ParseUint(rows[0][1], 10, 32)
	at, err3 := ParseLSN(rows[0][2])
	s.system, s.timeline, s.flushed = systemID(system), uint32(timeline), at
	rows, err4 := s.query(ctx, "SHOW wal_segment_size")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("which server it is: %w", err)
	}
	if s.segment, err = bytesOf(rows[0][0]); err != nil {
		return err
	}
	if major, err := strconv.Atoi(majorOf(s.version())); err != nil || major < oldest {
		return fmt.Errorf("the server is PostgreSQL %s; backups need %d or newer", s.version(), oldest)
	}
	return nil
}

// bytesOf reads a setting such as 16MB.
func bytesOf(setting string) (uint64, error) {
	var n uint64
	var unit string
	if _, err := fmt.Sscanf(setting, "%d%s", &n, &unit); err != nil {
		return 0, fmt.Errorf("wal_segment_size %q: %w", setting, err)
	}
	switch unit {
	case "MB":
		n <<= 20
	case "GB":
		n <<= 30
	}
	if !segmentSize(n) {
		return 0, fmt.Errorf("wal_segment_size %q is no size of a segment", setting)
	}
	return n, nil
}

func (s *server) version() string { return s.conn.ParameterStatus("server_version") }

func (s *server) close() {
	// A stream that is cut off has nothing to say good-bye to.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// send sends a command whose answer is read message by message.
func (s *server) send(command string) error {
	s.conn.Frontend().SendQuery(&pgproto3.Query{String: command})
	return s.conn.Frontend().Flush()
}

// receive is the next message that matters. An error of the server is an error here.
func (s *server) receive(ctx context.Context) (pgproto3.BackendMessage, error) {
	for {
		m, err := s.conn.ReceiveMessage(ctx)
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			return nil, pgconn.ErrorResponseToPgError(m)
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus:
		default:
			return m, nil
		}
	}
}

// rows reads the rows of one result.
func (s *server) rows(ctx context.Context) ([][]string, error) {
	var list [][]string
	for {
		m, err := s.receive(ctx)
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *pgproto3.RowDescription:
		case *pgproto3.DataRow:
			var row []string
			for _, v := range m.Values {
				row = append(row, string(v))
			}
			list = append(list, row)
		case *pgproto3.CommandComplete:
			return list, nil
		default:
			return nil, fmt.Errorf("the server answers with %T", m)
		}
	}
}

// quote is a value in the grammar of replication commands.
func quote(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] == '\'' {
			b = append(b, '\'')
		}
		b = append(b, s[i])
	}
	return "'" + string(b) + "'"
}

// hasSlot tells whether there is a physical slot of that name and from where it keeps WAL; 0 is nowhere.
func (s *server) hasSlot(ctx context.Context, slot string) (bool, LSN, error) {
	rows, err := s.query(ctx, "READ_REPLICATION_SLOT "+slot)
	if err != nil {
		return false, 0, fmt.Errorf("replication slot %s: %w", slot, err)
	}
	if len(rows) != 1 || rows[0][0] == "" {
		return false, 0, nil
	}
	if rows[0][1] == "" {
		return true, 0, nil
	}
	at, err := ParseLSN(rows[0][1])
	return true, at, err
}

// ensureSlot makes the slot that has the server keep what is not archived yet.
func (s *server) ensureSlot(ctx context.Context, slot string) (LSN, error) {
	there, at, err := s.hasSlot(ctx, slot)
	if err != nil || there {
		return at, err
	}
	_, err = s.query(ctx, "CREATE_REPLICATION_SLOT "+slot+" PHYSICAL RESERVE_WAL")
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "42710" {
		err = nil // by somebody else, now
	}
	if err != nil {
		return 0, fmt.Errorf("make replication slot %s: %w; the server needs wal_level = replica, max_replication_slots and max_wal_senders with room for two", slot, err)
	}
	_, at, err = s.hasSlot(ctx, slot)
	return at, err
}

func checkSlot(slot string) error {
	ok := slot != "" && len(slot) < 64 && !slices.ContainsFunc([]byte(slot), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_'
	})
	if !ok {
		return fmt.Errorf("replication slot %q: its name is of small letters, digits and _", slot)
	}
	return nil
}

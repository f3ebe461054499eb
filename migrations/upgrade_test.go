package migrations_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
)

// kept are the tables whose rows no upgrade may add to or take from: what was imported,
// decided and noted. What is derived from them may be made anew.
var kept = []string{
	"artifact.artifact", "authority.audit_log", "authority.tenant", "core.outbox", "core.outbox_route",
	"ingest.document_alias", "ingest.original", "ingest.parked", "ingest.sbom_document", "ingest.scan_run", "ingest.scan_run_event",
	"vex.finding_history", "vex.vex_decision", "vex.vex_document", "vex.vuln_fact",
}

func rowsOf(t *testing.T, conn queryer) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, table := range kept {
		n[table] = one[int](t, conn, `select count(*)::int from `+table)
	}
	return n
}

// TestUpgrade takes the database of the last release, with data in it, to today's schema:
// nothing that was imported is lost or changed, and the catalogue is that of a new database.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	db := dbtest.Released(t)
	admin, conn := db.Admin(t), db.Conn(t, "")

	states, err := migrations.Status(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	var pending []string
	for i, s := range states {
		if was := i < len(released); was != (s.AppliedAt != nil) {
			t.Errorf("%s: applied at %v", s.Name, s.AppliedAt)
		}
		if s.AppliedAt == nil {
			pending = append(pending, s.Name)
		}
	}
	before := rowsOf(t, admin)
	for _, table := range []string{"ingest.original", "ingest.parked", "ingest.document_alias", "vex.vex_decision", "authority.audit_log", "vex.finding_history", "ingest.scan_run_event"} {
		if before[table] == 0 {
			t.Errorf("the database of the last release has nothing in %s", table)
		}
	}
	if formats := list[string](t, admin, `select distinct format from ingest.original order by 1`); !slices.Equal(formats, []string{
		"csaf", "cyclonedx-json", "cyclonedx-xml", "openvex", "osv-json", "osv-yaml", "spdx-json",
	}) {
		t.Errorf("formats in it: %s", formats)
	}
	wantHashes(t, admin)

	done, err := migrations.Up(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	var applied []string
	for _, s := range done {
		applied = append(applied, s.Name)
	}
	if !slices.Equal(applied, pending) {
		t.Errorf("applied %s, want %s", applied, pending)
	}
	if err := migrations.Verify(t.Context(), conn); err != nil {
		t.Error(err)
	}
	for table, n := range rowsOf(t, admin) {
		if n != before[table] {
			t.Errorf("%s has %d rows and had %d", table, n, before[table])
		}
	}
	wantHashes(t, admin)
	// What was logged before the chains is in them.
	for _, tenant := range list[string](t, admin, `select distinct tenant_id::text from authority.audit_log`) {
		of, err := id.Parse(tenant)
		if err != nil {
			t.Fatal(err)
		}
		want := one[int64](t, admin, `select count(*) from authority.audit_log where tenant_id = $1`, of)
		if r, err := audit.Verify(t.Context(), admin, of, nil); err != nil || r.Fault != nil || r.Entries != want || r.Last != want {
			t.Errorf("audit log of %s: %+v, %v", tenant, r, err)
		}
	}
	// Everything is read again by the next projection.
	if documents, asked := one[int](t, admin, `select count(*)::int from ingest.original`), one[int](t, admin, `
		select count(distinct o.document_id)::int from ingest.original o
		join core.job_queue j on j.tenant_id = o.tenant_id and j.kind = 'reread' and j.payload ->> 'document' = o.document_id::text`); documents == 0 || asked != documents {
		t.Errorf("jobs for %d of %d documents", asked, documents)
	}

	got, want := catalogue(t, admin), catalogue(t, dbtest.New(t).Admin(t))
	if len(want) < 1000 {
		t.Fatalf("the catalogue has %d entries", len(want))
	}
	for _, line := range got {
		if _, found := slices.BinarySearch(want, line); !found {
			t.Errorf("only after the upgrade: %s", line)
		}
	}
	for _, line := range want {
		if _, found := slices.BinarySearch(got, line); !found {
			t.Errorf("only in a new database: %s", line)
		}
	}
}

// wantHashes reads every stored document, and what is parked, and hashes it.
func wantHashes(t *testing.T, conn queryer) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select content_hash, encoding, bytes, size from ingest.original
		union all select content_hash, encoding, bytes, size from ingest.parked where bytes is not null`)
	if err != nil {
		t.Fatal(err)
	}
	type document struct {
		Hash     []byte
		Encoding string
		Bytes    []byte
		Size     int
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[document])
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, d := range all {
		if d.Encoding == "zstd" {
			if d.Bytes, err = z.DecodeAll(d.Bytes, nil); err != nil {
				t.Errorf("%x: %v", d.Hash, err)
			}
		}
		if sum := sha256.Sum256(d.Bytes); string(sum[:]) != string(d.Hash) || len(d.Bytes) != d.Size {
			t.Errorf("document %s has the bytes of %s, %d of %d", hex.EncodeToString(d.Hash), hex.EncodeToString(sum[:]), len(d.Bytes), d.Size)
		}
	}
}

// catalogue describes every object of the schema, a line each, sorted. Partitions are left
// out, for their names are those of months.
func catalogue(t *testing.T, conn queryer) []string {
	t.Helper()
	exec(t, conn, `set search_path = ''`) // names come out whole
	lines := list[string](t, conn, `
		with c as (
			select c.*, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = any ($1::text[]) and not c.relispartition
			  and not exists (select from pg_index i join pg_class r on r.oid = i.indrelid where i.indexrelid = c.oid and r.relispartition)
		)
		select format('schema %s of %s, rights %s', nspname, nspowner::regrole, (select string_agg(a::text, ' ' order by a::text) from unnest(nspacl) a))
		from pg_namespace where nspname = any ($1::text[])
		union all
		select format('relation %s of %s, kind %s, rights %s, options %s, row security %s %s, persistence %s', oid::regclass, relowner::regrole, relkind,
			(select string_agg(a::text, ' ' order by a::text) from unnest(relacl) a), reloptions, relrowsecurity, relforcerowsecurity, relpersistence) from c
		union all
		select format('column %s.%s, %s, type %s, not null %s, default %s, generated %s, identity %s, storage %s, compression %s, statistics %s, rights %s',
			c.oid::regclass, a.attname, row_number() over (partition by c.oid order by a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
			pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attstorage, a.attcompression, a.attstattarget,
			(select string_agg(x::text, ' ' order by x::text) from unnest(a.attacl) x))
		from c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum where c.relkind in ('r', 'p', 'v', 'm')
		union all
		select format('index %s, valid %s, ready %s, %s', i.indexrelid::regclass, indisvalid, indisready, pg_get_indexdef(i.indexrelid)) from c join pg_index i on i.indexrelid = c.oid
		union all
		select format('constraint %s of %s: %s, validated %s', x.conname, x.conrelid::regclass, pg_get_constraintdef(x.oid), x.convalidated) from c join pg_constraint x on x.conrelid = c.oid
		union all
		select format('policy %s of %s: %s %s %s %s %s', policyname, schemaname || '.' || tablename, permissive, roles, cmd, qual, with_check)
		from pg_policies p where exists (select from c where c.nspname = p.schemaname and c.relname = p.tablename)
		union all
		select format('trigger %s', pg_get_triggerdef(g.oid)) from c join pg_trigger g on g.tgrelid = c.oid where not g.tgisinternal
		union all
		select format('view %s: %s', oid::regclass, pg_get_viewdef(oid)) from c where relkind in ('v', 'm')
		union all
		select format('statistics %s', pg_get_statisticsobjdef(s.oid)) from c join pg_statistic_ext s on s.stxrelid = c.oid
		union all
		select format('function %s of %s, rights %s: %s', p.oid::regprocedure, p.proowner::regrole,
			(select string_agg(a::text, ' ' order by a::text) from unnest(p.proacl) a), pg_get_functiondef(p.oid))
		from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any ($1::text[])
		union all
		select format('comment on %s %s: %s', (pg_identify_object(d.classoid, d.objoid, d.objsubid)).type, (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity, d.description)
		from pg_description d where split_part((pg_identify_object(d.classoid, d.objoid, d.objsubid)).schema, '.', 1) = any ($1::text[])
		  and (d.classoid <> 'pg_class'::regclass or exists (select from c where c.oid = d.objoid))`, schemas)
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	slices.Sort(lines)
	return lines
}

package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ConnectReplication opens a connection by the replication protocol, which knows no transactions and no
// roles but the user's. Before is as with Connect.
func ConnectReplication(ctx context.Context, url string, before func(context.Context, *pgx.ConnConfig) error) (*pgconn.PgConn, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, urlError(url, err)
	}
	careful(cfg)
	if before != nil {
		if err := before(ctx, cfg); err != nil {
			return nil, err
		}
	}
	cfg.RuntimeParams["replication"] = "true"
	cfg.RuntimeParams["application_name"] = "sluice backup"
	delete(cfg.RuntimeParams, "search_path") // of tables, which there are none here
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		return nil, err
	}
	if err := CheckVersion(conn); err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

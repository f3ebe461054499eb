package kafka

import "github.com/jackc/pgx/v5/pgxpool"

type pgxPool = pgxpool.Pool

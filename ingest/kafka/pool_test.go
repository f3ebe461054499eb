package kafka

import (
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

type pgxPool = pgxpool.Pool

// hashOf is the content hash of a document as receipts have it.
func hashOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

package limits

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/id"
)

// Decide says whether one document may be stored now, and counts it where it may: for entries that
// cannot wait. A nil refusal is a yes.
func (l *Limiter) Decide(ctx context.Context, tenant id.ID, item Item) (*Refusal, error) {
	_, refusal, err := l.Allow(ctx, tenant, []Item{item})
	return refusal, err
}

// TooMany answers a request that a limit refuses: 429 with Retry-After in whole seconds, and which
// limit it is.
func TooMany(w http.ResponseWriter, r *Refusal) {
	seconds := max(1, int64((r.Again+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"error": r.String(), "limit": r.Limit.Key, "amount": r.Limit.Amount, "used": r.Used, "retry_after_seconds": seconds,
	})
}

package fair

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/id"
)

func tenant(n byte) id.ID { return id.ID{15: n} }

// TestGate: of those who wait the tenant that was let in longest ago comes next, however many of
// another wait before it; equals in the order in which they came.
func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1)
		a, b, c := tenant(1), tenant(2), tenant(3)
		enter := func(tenants ...id.ID) {
			if err := g.Enter(t.Context(), tenants); err != nil {
				t.Error(err)
			}
		}
		enter(a)
		if !g.Last([]id.ID{a}) || g.Last([]id.ID{b}) || g.Last([]id.ID{a, b}) {
			t.Error("only a has had its turn")
		}
		var mu sync.Mutex
		var order []string
		for _, v := range []struct {
			name    string
			tenants []id.ID
		}{{"a1", []id.ID{a}}, {"a2", []id.ID{a}}, {"b1", []id.ID{b}}, {"b2", []id.ID{b}}, {"ac", []id.ID{a, c}}} {
			go func() {
				enter(v.tenants...)
				mu.Lock()
				order = append(order, v.name)
				mu.Unlock()
				time.Sleep(time.Second)
				g.Leave()
			}()
			synctest.Wait() // they come one after the other
		}
		gone, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- g.Enter(gone, []id.ID{tenant(4)}) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		g.Leave()
		time.Sleep(time.Minute)
		synctest.Wait() // all are gone
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"b1", "ac", "b2", "a1", "a2"}; !slices.Equal(order, want) {
			t.Errorf("%v, want %v", order, want)
		}
		if g.Last([]id.ID{a}) || len(g.waiting) > 0 || g.free != 1 {
			t.Errorf("%d wait, room for %d", len(g.waiting), g.free)
		}
	})
}

// TestRota: by who was served longest ago; who is forgotten is as good as new.
func TestRota(t *testing.T) {
	t.Parallel()
	var r Rota
	list := []id.ID{tenant(1), tenant(2), tenant(3)}
	r.Serve(tenant(1))
	r.Serve(tenant(2))
	r.Order(list)
	if want := []id.ID{tenant(3), tenant(1), tenant(2)}; !slices.Equal(list, want) {
		t.Errorf("%v", list)
	}
	for i := range 2*remembered + 1 {
		r.Serve(id.ID{0: 1, 1: byte(i), 2: byte(i >> 8)})
	}
	if n := len(r.served); n > 2*remembered || n < remembered || r.Since([]id.ID{tenant(2)}) != 0 {
		t.Errorf("%d are remembered", n)
	}
}

// TestPace: what takes too long gets smaller, and larger again when it does not.
func TestPace(t *testing.T) {
	t.Parallel()
	p := NewPace(time.Second, 1, 64, 500)
	for _, s := range []struct {
		took time.Duration
		want int
	}{{100 * time.Millisecond, 128}, {100 * time.Millisecond, 256}, {600 * time.Millisecond, 256}, {2 * time.Second, 128}, {time.Hour, 16}, {time.Hour, 2}, {time.Hour, 1}, {time.Hour, 1}, {time.Millisecond, 2}} {
		p.Took(p.Size(), s.took)
		if p.Size() != s.want {
			t.Fatalf("%d after %v, want %d", p.Size(), s.took, s.want)
		}
	}
	p.Took(500, 10*time.Second) // begun before
	if p.Size() != 2 {
		t.Errorf("%d after a large one that began before", p.Size())
	}
	for range 20 {
		p.Took(p.Size(), time.Millisecond)
	}
	p.Took(3, 10*time.Millisecond) // a rest says nothing about a whole one
	if p.Size() != 500 {
		t.Errorf("%d, want all", p.Size())
	}
	if p := NewPace(0, 1, 5, 500); p.Size() != 500 {
		t.Error("without a target it is all")
	}
}

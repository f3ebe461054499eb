package dbtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// Example is the test that an Example function stands for: it has no *testing.T of its own.
//
//	t := dbtest.NewExample()
//	defer t.Close()
//	db := dbtest.New(t)
type Example struct {
	testing.TB // what is not below is not there
	ctx        context.Context
	cancel     context.CancelFunc
	cleanups   []func()
}

// NewExample begins an example; Close ends it.
func NewExample() *Example {
	e := &Example{}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Close undoes what the example made, the last first.
func (e *Example) Close() {
	e.cancel()
	for _, fn := range slices.Backward(e.cleanups) {
		fn()
	}
}

// Helper, Context, Cleanup, Logf, Error, Errorf, Fatal, Fatalf and Skipf are those of
// *testing.T; what fails panics, which ends the test run and shows where.
func (e *Example) Helper()                           {}
func (e *Example) Context() context.Context          { return e.ctx }
func (e *Example) Cleanup(fn func())                 { e.cleanups = append(e.cleanups, fn) }
func (e *Example) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (e *Example) Error(args ...any)                 { panic(fmt.Sprintln(args...)) }
func (e *Example) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (e *Example) Fatal(args ...any)                 { panic(fmt.Sprintln(args...)) }
func (e *Example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (e *Example) Skip(args ...any)                  { panic(fmt.Sprintln(args...)) }
func (e *Example) Skipf(format string, args ...any)  { panic(fmt.Sprintf(format, args...)) }
func (e *Example) Name() string                      { return "example" }

package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

// test is a test that records its result.
type test struct {
	skipped, failed bool
	cleanups        []func()
}

func (t *test) Helper()          {}
func (t *test) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *test) Error(...any)     { t.failed = true }
func (t *test) Fatal(...any)     { t.failed = true }
func (t *test) Skip(...any)      { t.skipped = true }

// What is not installed may be missing, unless it is required. What is broken
// is never passed over.
func TestAbsentIsSkippedUnlessRequired(t *testing.T) {
	defer func(was []string) { required = was }(required)
	for _, row := range []struct {
		require         string
		err             error
		skipped, failed bool
	}{
		{"", errAbsent, true, false},
		{"nats,rpc", errAbsent, true, false},
		{"postgres", errAbsent, false, true},
		{"nats,postgres", fmt.Errorf("so: %w", errAbsent), false, true},
		{"", errors.New("initdb: no space left"), false, true},
	} {
		required = strings.Split(row.require, ",")
		var got test
		missing(&got, row.err)
		if got.failed != row.failed || !got.failed && got.skipped != row.skipped {
			t.Errorf("%v where %q is required: %+v", row.err, row.require, got)
		}
	}
}

func TestAClusterLeavesNothing(t *testing.T) {
	if _, err := binaries(); err != nil {
		missing(t, err)
	}
	var user test
	c := Own(&user)
	if user.failed {
		t.Fatal("no cluster")
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, f := range user.cleanups {
		f()
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) || user.failed {
		t.Errorf("its folder: %v", err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

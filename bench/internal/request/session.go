package request

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/a628bb15/onhold/reports/result"
)

// mostKinds is how many kinds of sessions are named.
const mostKinds = 8

// sessions are the TLS sessions that there were.
type sessions struct {
	mu      sync.Mutex
	kinds   map[string]bool // versions and ciphers
	resumed bool            // some of them
}

// Observe is the configuration with which the set learns of each session.
func (s *Set) Observe(config *tls.Config) *tls.Config {
	config = config.Clone()
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if verify != nil {
			if err := verify(state); err != nil {
				return err
			}
		}
		s.sessions.note(state)
		return nil
	}
	return config
}

func (s *sessions) note(state tls.ConnectionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumed = s.resumed || state.DidResume
	if s.kinds == nil {
		s.kinds = map[string]bool{}
	}
	if len(s.kinds) < mostKinds {
		s.kinds[tls.VersionName(state.Version)+" "+tls.CipherSuiteName(state.CipherSuite)] = true
	}
}

// found is what there was since the last call, as settings.
func (s *sessions) found() (found result.Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kinds) == 0 {
		return nil
	}
	found = found.With(result.KeyTLS, strings.Join(slices.Sorted(maps.Keys(s.kinds)), ", "))
	if s.resumed {
		found = found.With(result.KeyTLSResumed, "true")
	}
	s.kinds, s.resumed = nil, false
	return found
}

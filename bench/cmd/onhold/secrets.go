package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/redact"
)

// secretive are the flags of any subcommand whose values may hold secrets: how
// they are shown, and what of them is learned, so that it is not shown by anybody
// who repeats it. Of all others, what looks like a secret is not shown.
var secretive = map[string]struct {
	show  func(value string) string
	learn func(value string)
}{
	"mix":             {shownMix, redact.LearnURL},
	"path":            {redact.URL, redact.LearnURL},
	"backend-url":     {redact.URL, redact.LearnURL},
	flagBroker:        {redact.URL, redact.LearnURL},
	flagBus:           {redact.Servers, redact.LearnURL},
	flagDSN:           {redact.DSN, redact.LearnURL},
	"header":          {redact.Header, redact.LearnHeader},
	"body":            {redact.Body, func(body string) { redact.Learn(body); redact.LearnText(body) }},
	flagStreamMessage: {redact.Body, func(message string) { redact.Learn(message); redact.LearnText(message) }},
	"serve":           {redact.Text, redact.LearnText},
	"build":           {redact.Text, redact.LearnText},
}

// plain are the flags whose values hold no secrets though they may look like it:
// of benchmarks Get/keys=10 and Get/keys=1000 the names must stay different.
var plain = map[string]bool{"bench": true, "gate": true, "require": true, "key": true}

// shown is a text from the command line as it may be shown.
func shown(text string) string { return redact.URL(text) }

// shownMix is WEIGHT@/PATH as it may be shown: its weight is no password.
func shownMix(text string) string {
	weight, path, ok := strings.Cut(text, "@")
	if _, err := strconv.Atoi(weight); ok && err == nil {
		return weight + "@" + redact.URL(path)
	}
	return redact.URL(text)
}

// recordedCommand is this process's command line as it may be shown.
func recordedCommand() []string { return shownArgs(append([]string{"onhold"}, os.Args[1:]...)) }

func shownArgs(args []string) []string {
	show := map[string]func(string) string{}
	for flag, s := range secretive {
		show[flag] = s.show
	}
	for flag := range plain {
		show[flag] = func(value string) string { return value }
	}
	return redact.Args(args, show)
}

// learnSecrets remembers the secrets of a command line and an environment, before
// anything is read of them: the first message may be that they are wrong.
func learnSecrets(args, environ []string) {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			if i == 0 || !plain[strings.TrimLeft(args[i-1], "-")] {
				redact.LearnText(arg)
			}
			continue
		}
		flag, value, joined := strings.Cut(arg, "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if s, ok := secretive[strings.TrimLeft(flag, "-")]; ok {
			s.learn(value)
		} else if joined && !plain[strings.TrimLeft(flag, "-")] {
			redact.LearnText(arg)
		}
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if name == "PGPASSWORD" {
			redact.Learn(value)
		}
		for flag, s := range secretive {
			if name == variableOf(flag) {
				s.learn(value)
			}
		}
	}
}

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/internal/near"
	"github.com/a628bb15/onhold/reports/field"
)

// meant are flags that are none of ours, with what somebody who types them wants:
// those of other load generators, which hands remember, and words that are near.
var meant = map[string]string{
	"c": "clients", "concurrency": "clients", "concurrent": "clients", "vus": "clients", "u": "clients", "users": "clients",
	"levels": "clients rate", "load": "clients rate burst ramp", "stages": "clients rate",
	"r": "rate", "R": "rate", "q": "rate", "rps": "rate", "qps": "rate", "throughput": "rate", "arrival-rate": "rate",
	"d": "duration", "z": "duration", "length": "duration", "time": "duration",
	"n": "duration", "requests": "duration", "iterations": "duration", "i": "duration",
	"t": "threads timeout duration", "T": "header timeout", "m": "method", "X": "method", "H": "header", "headers": "header",
	"D": "body-file", "data": "body", "payload-file": "body-file", "targets": "mix", "url": "mix", "weights": "mix",
	"disable-keepalive": "new-connection", "no-keepalive": "new-connection", "no-connection-reuse": "new-connection",
	"think": "think-time", "spread": "ramp-up", "rampup": "ramp-up", "max-workers": "max-connections",
	"import-path": "proto-path", "import-paths": "proto-path", "metadata": "header", "pid": "target-pid", "thresholds": "require", "threshold": "require",
	"o": "out", "output": "out", "format": "json", "v": "version", "cpus": "threads", "w": "warmup", "delay": "think-time",
}

// positional are those flags that are arguments here.
var positional = map[string]string{
	"targets": "targets are arguments: onhold run blocking goroutine",
	"url":     "the address is an argument: onhold run http://127.0.0.1:8080/",
}

// unknownFlag is the error of a flag that the command does not have.
func unknownFlag(c *cli.Command, name string) error {
	dashes := "--"
	if short := strings.TrimRightFunc(name, func(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("smh.", r) }); len(short) == 1 && len(name) > 1 {
		name = short // -c50, -d10s
	}
	if len(name) == 1 {
		dashes = "-"
	}
	text := fmt.Sprintf("there is no flag %s%s", dashes, name)
	commands := []*cli.Command{c}
	if len(c.Commands) > 0 { // it stands before the subcommand
		text += " before a subcommand"
		commands = c.VisibleCommands()
	}
	if hint := positional[name]; hint != "" && commands[0].Name == "run" {
		return usageError("%s; %s", text, hint)
	}
	for _, find := range []func(*cli.Command, string) []string{meantFlags, nearFlags} {
		for _, of := range commands {
			names := find(of, name)
			if len(names) == 0 {
				continue
			}
			if of != c {
				names[0] = c.Name + " " + of.Name + " " + names[0]
			}
			return usageError("%s; did you mean %s?", text, strings.Join(names, " or "))
		}
	}
	return usageError("%s", text)
}

// meantFlags are the flags of the command that somebody who types the name wants.
func meantFlags(c *cli.Command, name string) (names []string) {
	for n := range strings.FieldsSeq(cmp.Or(meant[name], name)) {
		if flagNamed(c, n) != nil {
			names = append(names, "--"+n)
		}
	}
	return names
}

// nearFlags are the one that somebody who mistypes may mean.
func nearFlags(c *cli.Command, name string) []string {
	if meant := near.Name(name, flagNames(c.VisibleFlags())); meant != "" {
		return []string{"--" + meant}
	}
	return nil
}

// unknown is the error of a name that is none of those known: the one that may be
// meant, else what is wanted, with all of them in place of %s.
func unknown(what, name string, known []string, want string) error {
	if meant := near.Name(name, known); meant != "" {
		return usageError("there is no %s %q; did you mean %s?", what, name, meant)
	}
	return usageError("there is no %s %q: %s", what, name, fmt.Sprintf(want, strings.Join(known, ", ")))
}

// unknownCommand is the error of a subcommand that there is not.
func unknownCommand(root *cli.Command, name string) error {
	if strings.ContainsAny(name, ":/") {
		return usageError("there is no subcommand %q; did you mean onhold run %s?", name, name)
	}
	var names []string
	for _, sub := range root.VisibleCommands() {
		names = append(names, sub.Name)
	}
	if other := map[string]string{"attack": "run", "load": "run", "bench": "run", "benchmark": "run", "version": "--version"}[name]; other != "" {
		return usageError("there is no subcommand %q; did you mean %s?", name, other)
	}
	return unknown("subcommand", name, names, "want one of %s")
}

// fieldFlags are the flags whose names are not their field's in kebab case.
var fieldFlags = map[string]string{
	"ServiceLaw.Kind": "service-dist", "ServiceLaw.CV": "service-cv", "ThinkLaw.Kind": "think-time-dist", "ThinkLaw.CV": "think-time-cv",
	"Sim.Latency": "backend-latency", "Sim.Dist": "backend-dist", "Sim.CV": "backend-cv", "Sim.Connections": "backend-connections", "Sim.Stall": "backend-stall",
	"Postgres.DSN": flagDSN, "Postgres.Latency": "backend-latency", "Postgres.Connections": "backend-connections",
	"Stream.Server": "stream-server", "Stream.Events": "order-events", "Stream.Interval": "event-interval",
	"Bare.Latency": "backend-latency", "Inject.CPU": "inject-cpu", "Inject.Delay": "inject-delay",
	"Command": "serve", "BenchTime": "benchtime", "Host": flagServeOn, // of duet
	"Ramp.From": "ramp", "Ramp.To": "ramp", "Pattern": "arrivals",
	"Version": "http",                   // of requests
	"CPUs":    "cpus", "Hosts": flagSSH, // of agents elsewhere
	"Streams.Store": "broker-store", "Streams.Sync": "broker-sync", "Streams.Limit": "broker-limit", "Streams.Orders": "stream-orders",
}

// flagOf is the flag that sets a field: its name in kebab case, but for the
// exceptions.
func flagOf(path string) string {
	for p, more := path, true; more; _, p, more = strings.Cut(p, ".") {
		if flag := fieldFlags[p]; flag != "" {
			return flag
		}
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	var b strings.Builder
	for i, r := range name {
		upper := unicode.IsUpper(r)
		if upper && i > 0 && (unicode.IsLower(rune(name[i-1])) || i+1 < len(name) && unicode.IsLower(rune(name[i+1]))) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// fieldMessage is what the error of a field says of its flag; of a field that no
// flag of the command sets, of the field.
func fieldMessage(c *cli.Command, e *field.Error) string {
	flag := flagOf(e.Field)
	if c == nil || !slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == flag }) {
		return e.Error()
	}
	if value := fmt.Sprint(e.Value); value != "" {
		flag += "=" + value
	}
	return fmt.Sprintf("--%s: want %s", flag, e.Want)
}

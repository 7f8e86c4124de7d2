package main

import (
	"errors"
	"strings"
	"unicode"

	"github.com/a628bb15/onhold/reports/field"
)

// fieldFlags are the flags of fields that have another name.
var fieldFlags = map[string]string{
	"Clients": "levels", "Burst": "levels", "Rate": "levels", "ThinkTime": "think", "Backoff": "reject-pause", "RampUp": "spread",
	"BurstInterval": "every", "Duration": "stage", "DrainTimeout": "drain", "MaxConnections": "max-clients", "TargetPID": "pid",
}

// fieldError is a usage error that names the flag of the field that is wrong.
func fieldError(err error) error {
	var e *field.Error
	if !errors.As(err, &e) {
		return usageError("%w", err)
	}
	name := e.Field[strings.LastIndexByte(e.Field, '.')+1:]
	flag := fieldFlags[name]
	if flag == "" {
		flag = kebab(name)
	}
	return usageError("--%s=%v: want %s", flag, e.Value, e.Want)
}

// kebab writes a Go name as a flag: MaxLag is max-lag.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

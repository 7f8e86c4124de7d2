package source

import "github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"

var repo, run, write = commandtest.Repo, commandtest.Git, commandtest.Write

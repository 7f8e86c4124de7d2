package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/deploy"
)

const (
	flagKubernetes = "print-kubernetes"
	flagSSH        = "print-ssh"
	// defaultIdle is for how long agents that are deployed wait for a run.
	defaultIdle = 30 * time.Minute
)

// deployFlags print what starts agents elsewhere.
func deployFlags() []cli.Flag {
	return []cli.Flag{
		boolFlag(catFleet, flagKubernetes, "print Kubernetes manifests for --agents, and start nothing: an Indexed Job, and a bus where --bus is not set. They have no secrets"),
		stringFlag(catFleet, flagSSH, "", "`HOSTS` print a shell script that starts an agent on each of these hosts, separated by commas, and start nothing"),
		intFlag(catFleet, "agents", 4, "with --"+flagKubernetes+": how many agents"),
		stringFlag(catFleet, "image", "", "`IMAGE` with --"+flagKubernetes+": the container image with this program"),
		intFlag(catFleet, "cpus", 2, "with --"+flagKubernetes+": CPUs of each agent, requested and the limit"),
		stringFlag(catFleet, "memory", "512Mi", "`SIZE` with --"+flagKubernetes+": memory of each agent, requested and the limit"),
	}
}

// refuseCluster refuses flags of a cluster's agents. The environment may have some of them
// for a run.
func refuseCluster(c *cli.Command) error {
	for _, flag := range []string{"agents", "image", "cpus", "memory"} {
		if given(c, flag) {
			return usageError("--%s=%v: requires --%s", flag, c.Value(flag), flagKubernetes)
		}
	}
	return nil
}

// printDeployment prints what starts agents elsewhere.
func printDeployment(c *cli.Command) error {
	if c.Bool(flagKubernetes) && c.String(flagSSH) != "" {
		return usageError("--%s: and --%s cannot be given together: each prints a file of its own", flagKubernetes, flagSSH)
	}
	allow := c.StringSlice("allow")
	if _, err := parseAllowed(allow); err != nil {
		return err
	}
	config := deploy.Config{
		Version: version(), Agents: c.Int("agents"), Image: c.String("image"), CPUs: c.Int("cpus"), Memory: c.String("memory"),
		Allow: allow, Idle: c.Duration("idle"), Bus: c.String(flagBus),
	}
	if config.Idle == 0 {
		config.Idle = defaultIdle
	}
	write := deploy.Config.Kubernetes
	if hosts := c.String(flagSSH); hosts != "" {
		if err := refuseCluster(c); err != nil {
			return err
		}
		config.Hosts, write = strings.Split(hosts, ","), deploy.Config.SSH
	}
	text, err := write(config)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.Root().Writer, text)
	return err
}

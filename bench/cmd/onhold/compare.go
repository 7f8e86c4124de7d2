package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/render/verdict"
	"github.com/a628bb15/onhold/reports/result"
)

func inconclusiveFlag() cli.Flag {
	return stringFlag(catCompare, "inconclusive", "fail", "result of an inconclusive comparison: fail (exit code 3) or warn (exit code 0)")
}

func inconclusiveOf(c *cli.Command) error {
	v := c.String("inconclusive")
	return field.Check(v == "fail" || v == "warn", "Inconclusive", v, "fail or warn")
}

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "compare two earlier runs or benchmark files",
		ArgsUsage: "BASE CANDIDATE",
		Flags: append(policyFlags("", "", "metrics that decide, separated by commas"),
			inconclusiveFlag(),
			stringFlag(catOutput, "out", "", "folder for verdict.json, regression.png and the other files; of two run folders also report.html, with the runs side by side; by default none are written"),
			boolFlag(catOutput, "json", "print verdict.json in place of the table"),
		),
		Action: compareAction,
	}
}

// askedOf reads the flags of a policy, which may be part of one only.
func askedOf(c *cli.Command) (p compare.Policy, err error) {
	if p.Tolerance, err = compare.ParseShares(c.String("tolerance")); err != nil {
		return p, usageError("--tolerance=%s: %w", c.String("tolerance"), err)
	}
	if p.Margin, err = compare.ParseShares(c.String("margin")); err != nil {
		return p, usageError("--margin=%s: %w", c.String("margin"), err)
	}
	p.Gate = list(c.String("gate"))
	if p.MaxOutliers, err = shareOf(c, "max-outliers"); err == nil && p.MaxOutliers == 1 {
		err = field.Check(false, "MaxOutliers", c.String("max-outliers"), "a share above 0% and below 100%, like 10%")
	}
	return p, err
}

// policyOf reads the flags of a complete policy.
func policyOf(c *cli.Command) (compare.Policy, error) {
	p, err := askedOf(c)
	if err != nil {
		return p, err
	}
	if err := p.Validate(); err != nil {
		return p, usageError("%w", err)
	}
	return p, nil
}

func compareAction(_ context.Context, c *cli.Command) error {
	if n := c.NArg(); n != 1 && n != 2 {
		return usageError("got %d arguments: want BASE and CANDIDATE, or one folder of 'onhold duet'", n)
	}
	if err := inconclusiveOf(c); err != nil {
		return err
	}
	if c.NArg() == 1 {
		return compareStored(c)
	}
	policy, err := policyOf(c)
	if err != nil {
		return err
	}
	var sides [2][]compare.Sample
	var invalid, notes []string
	for i, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		got, bad, warnings, err := readSide(c.Args().Get(i), arm)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		sides[i], invalid, notes = got, append(invalid, bad...), append(notes, warnings...)
	}
	base, candidate, procs := compare.Alike(sides[0], sides[1])
	for i, end := range procs {
		if end != "" {
			notes = append(notes, fmt.Sprintf("%s: every name ends in %s, so that is read as the number of CPUs", c.Args().Get(i), end))
		}
	}
	design := compare.DefaultDesign()
	design.Looks = nil // these runs are complete: one look
	report := compare.Judge(design, policy, slices.Concat(base, candidate), nil, invalid, notes)
	report.Base.Name, report.Candidate.Name = c.Args().Get(0), c.Args().Get(1)
	if c.String("out") == "" {
		return concluded(c, report)
	}
	return concluded(c, report, runsOf(c.Args().Slice())...)
}

// compareStored decides again what a duet measured, by the design and the policy
// that were fixed then, except for the flags that are given.
func compareStored(c *cli.Command) error {
	asked, err := askedOf(c)
	if err != nil {
		return err
	}
	dir := c.Args().First()
	run, _, _, err := result.Open(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if run.Settings.Get("looks") == "" {
		return usageError("%s: not a folder of 'onhold duet'; to compare two runs, give BASE and CANDIDATE", dir)
	}
	design, older, err := storedDesign(run.Settings)
	if err != nil {
		return usageError("%s: %w", dir, err)
	}
	policy, err := compare.PolicyOf(run.Settings)
	if err != nil {
		return usageError("%s: %w", dir, err)
	}
	policy = policy.With(asked)
	if err := policy.Validate(); err != nil {
		return usageError("the flags given now, with the policy stored in %s: %w", dir, err)
	}
	stored, err := duet.Read(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	judge := func(invalid []string) *compare.Report {
		return compare.Judge(design, policy, stored.Samples, stored.Identical, invalid, append(older, stored.Notes...))
	}
	report := judge(stored.Invalid)
	// Some reasons, such as a benchmark that is gone, are in the verdict only.
	old, oldErr := verdict.Read(dir)
	if oldErr == nil && old.Verdict == compare.Invalid {
		known := func(why string) bool { return slices.Contains(report.Reasons, why) }
		report = judge(append(stored.Invalid, slices.DeleteFunc(old.Reasons, known)...))
	}
	stored.Describe(report)
	if oldErr == nil && old.Took > 0 {
		report.Took = old.Took
	}
	return concluded(c, report)
}

// storedDesign is the design of a stored comparison. One of another version of the
// rules is decided by the present ones, up to as many pairs, with a note.
func storedDesign(s result.Settings) (d compare.Design, older []string, err error) {
	version := s.Get("gate-version")
	if version == "" || version == strconv.Itoa(compare.Version) {
		d, err = compare.DesignOf(s)
		return d, nil, err
	}
	looks := strings.Split(s.Get("looks"), ",")
	most, err := strconv.Atoi(looks[len(looks)-1])
	if err != nil || most < 1 {
		return d, nil, fmt.Errorf("looks are %q, want whole numbers separated by commas", s.Get("looks"))
	}
	return compare.DefaultDesign().UpTo(most), []string{fmt.Sprintf(
		"these pairs were measured by version %s of the rules and are decided by version %d; the looks were planned by the older version", version, compare.Version)}, nil
}

func concluded(c *cli.Command, report *compare.Report, runs ...difference.Side) error {
	return settled(showComparison(c, c.String("out"), report, runs...), comparisonError(c, report))
}

// runsOf are two run folders; none where one of them is another record.
func runsOf(dirs []string) (sides []difference.Side) {
	for i, dir := range dirs {
		run, stages, _, err := result.Open(dir)
		if err != nil || exists(filepath.Join(dir, duet.LaunchesFile)) {
			return nil
		}
		sides = append(sides, difference.Side{Name: sideName(dirs, i), Run: run, Stages: stages})
	}
	return sides
}

// sideName is the name of a folder, which must not be that of another one.
func sideName(dirs []string, i int) string {
	name := filepath.Base(filepath.Clean(dirs[i]))
	for k, other := range dirs {
		if k != i && filepath.Base(filepath.Clean(other)) == name {
			return dirs[i]
		}
	}
	return name
}

// readSide reads one side: a run folder, the launches of a duet, or benchmark text.
func readSide(path string, arm compare.Arm) (samples []compare.Sample, invalid, notes []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, nil, err
	}
	if info.IsDir() {
		if launches := filepath.Join(path, duet.LaunchesFile); exists(launches) {
			path = launches
		} else {
			run, stages, warnings, err := result.Open(path)
			if err != nil {
				return nil, nil, nil, err
			}
			if len(stages) < run.Planned {
				invalid = append(invalid, fmt.Sprintf("%s: only %d of %d stages are complete", path, len(stages), run.Planned))
			}
			samples, bad := compare.FromStages(stages, arm)
			return samples, append(invalid, bad...), warnings, nil
		}
	}
	f, err := files.Open(path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.Close()
	samples, err = compare.ReadBench(f, path, arm)
	if err == nil && len(samples) == 0 {
		err = fmt.Errorf("%s: no benchmark line found; want the output of go test -bench, or a run folder", path)
	}
	return samples, nil, nil, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// showComparison writes the files of a comparison, where there is a folder for
// them, and prints it, also for GitHub Actions. Of two run folders, runs, it writes a page
// too.
func showComparison(c *cli.Command, dir string, r *compare.Report, runs ...difference.Side) error {
	out := c.Root().Writer
	var paths []string
	var wrong error // while it was written: it is printed all the same
	if dir != "" {
		if wrong = os.MkdirAll(dir, 0o755); wrong != nil {
			wrong = &files.Unwritten{Path: dir, Err: wrong}
		} else {
			paths, wrong = verdict.Write(dir, r, inconclusiveOption(c)...)
			if len(runs) == 2 {
				more, err := render.Compared(dir, runs[0], runs[1])
				paths, wrong = append(paths, more...), errors.Join(wrong, err)
			}
		}
	}
	if c.Bool("json") {
		data, err := verdict.JSON(r)
		if err == nil {
			_, err = out.Write(data)
		}
		wrong = errors.Join(wrong, err)
	} else {
		wrong = errors.Join(wrong, verdict.Text(out, r))
		if len(paths) > 0 {
			fmt.Fprintln(out)
		}
		for _, path := range paths {
			fmt.Fprintln(out, path)
		}
	}
	return errors.Join(wrong, annotate(c, verdict.StepSummary(r, inconclusiveOption(c)...), verdict.Annotations(r, inconclusiveOption(c)...)))
}

// inconclusiveOption has files and annotations fail what the exit code fails.
func inconclusiveOption(c *cli.Command) []verdict.Option {
	if c.String("inconclusive") == "fail" {
		return []verdict.Option{verdict.InconclusiveFails}
	}
	return nil
}

// annotate writes the step summary and annotations in GitHub Actions.
func annotate(c *cli.Command, summary, annotations string) error {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	var failed error
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		f, err := files.OpenLog(path, false)
		if err == nil {
			_ = f.Append([]byte(summary)) // Close returns the error
			err = f.Close()
		}
		failed = err
	}
	// Annotations are commands on stdout, or on stderr where stdout is JSON.
	to := c.Root().Writer
	if c.Bool("json") {
		to = c.Root().ErrWriter
	}
	_, err := io.WriteString(rawOf(to), annotations)
	return errors.Join(failed, err)
}

// comparisonError is the exit code of a comparison.
func comparisonError(c *cli.Command, r *compare.Report) error {
	code := r.Exit
	if code == compare.ExitInconclusive && c.String("inconclusive") == "warn" {
		fmt.Fprintln(c.Root().ErrWriter, "onhold: the result is inconclusive and accepted (--inconclusive=warn)")
		return nil
	}
	if code == compare.ExitFine {
		return nil
	}
	why := r.Verdict.String()
	if len(r.Reasons) > 0 && r.Verdict == compare.Invalid {
		why += ": " + r.Reasons[0]
		if more := len(r.Reasons) - 1; more > 0 {
			why += fmt.Sprintf("; %d more above", more)
		}
	}
	return &exitError{code, errors.New(why)}
}

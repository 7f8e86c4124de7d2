package bench

// RaceEnabled is for the tests of package bench_test.
const RaceEnabled = raceEnabled

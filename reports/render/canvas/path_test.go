package canvas

import "testing"

func TestShortPath(t *testing.T) {
	for path, want := range map[string]string{
		"M42,404.58L551,404.58":                            "M42 404.6h509",
		"M1,2L1.5,2L2.26,2L2.26,-8L3,-9.04":                "M1 2h1.3v-10l.7-1",
		"M1,1L2,1L1,1":                                     "M1 1h1h-1",
		"M0,0L10,0L10,5L0,5Z":                              "M0 0h10v5h-10z",
		"M50.1,397A2,2 0 1 1 46.1,397A2,2 0 1 1 50.1,397Z": "M50.1 397a2 2 0 1 1-4 0a2 2 0 1 1 4 0z",
		"M0,0L1,1M5,5L6,7":                                 "M0 0l1 1M5 5l1 2",
		"M0,0C1,1,2,2,3,3":                                 "M0,0C1,1,2,2,3,3", // of no figure
		"M0,0L1,":                                          "M0,0L1,",
		"M1e99,0L1,1":                                      "M1e99,0L1,1",
		"":                                                 "",
	} {
		if got := shortPath(path); got != want {
			t.Errorf("%q is %q, want %q", path, got, want)
		}
	}
}

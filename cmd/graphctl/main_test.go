package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the program, so that tests run it as users do.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"graphctl": main})
}

// The command line as users type it, one story a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			path, err := exec.LookPath("graphctl")
			e.Setenv("GRAPHCTL", path)
			// Where the compiled WebAssembly is cached: a folder of the script's
			// own would have every script compile it, 8 s under the race detector.
			e.Setenv("TMPDIR", os.TempDir())
			return err
		},
	})
}

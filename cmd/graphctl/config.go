package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// configure sets the flags of cmd that were not given on the command line from
// the environment, else from the file named by --config.
func configure(cmd *cobra.Command) error {
	if err := setFromEnvironment(cmd, "config"); err != nil {
		return err
	}
	file, err := readConfig(cmd)
	if err != nil {
		return err
	}
	// Pass by pass, so that what has precedence also excludes what it excludes.
	return errors.Join(
		eachUnset(cmd, func(f *pflag.Flag) error { return setFromEnvironment(cmd, f.Name) }),
		eachUnset(cmd, func(f *pflag.Flag) error { return setAll(cmd, f.Name, file[f.Name], "key "+f.Name) }),
	)
}

// eachUnset calls set for the flags of cmd that have no value yet and are not
// ruled out by one that has.
func eachUnset(cmd *cobra.Command, set func(*pflag.Flag) error) error {
	taken := map[string]bool{} // groups of flags that exclude each other
	cmd.Flags().Visit(func(f *pflag.Flag) {
		for _, group := range f.Annotations[exclusive] {
			taken[group] = true
		}
	})
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		ruledOut := slices.ContainsFunc(f.Annotations[exclusive], func(group string) bool { return taken[group] })
		if !f.Changed && !ruledOut && f.Name != "help" && f.Name != "config" {
			errs = append(errs, set(f))
		}
	})
	return errors.Join(errs...)
}

// exclusive is where cobra notes MarkFlagsMutuallyExclusive.
const exclusive = "cobra_annotation_mutually_exclusive"

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "GRAPHCTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func setFromEnvironment(cmd *cobra.Command, flag string) error {
	v, ok := os.LookupEnv(variable(flag))
	if f := cmd.Flags().Lookup(flag); !ok || v == "" || f == nil || f.Changed {
		return nil
	}
	return setAll(cmd, flag, []string{v}, variable(flag))
}

func setAll(cmd *cobra.Command, flag string, values []string, source string) error {
	for _, v := range values {
		if err := cmd.Flags().Set(flag, v); err != nil {
			return usagef("%s: %w", source, err)
		}
	}
	return nil
}

// readConfig returns the values in the file of --config: a flat map from the
// names of flags of any command to a value or a list.
func readConfig(cmd *cobra.Command) (map[string][]string, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil || path == "" {
		return nil, nil // commands without the flag have no file
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	var keys map[string]any
	if err := yaml.Unmarshal(b, &keys); err != nil {
		return nil, usagef("--config %s: %w", path, err)
	}
	known := map[string]bool{}
	for _, c := range cmd.Root().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	}
	values := map[string][]string{}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !known[k] {
			return nil, usagef("--config %s: no flag is named %q", path, k)
		}
		if list, ok := keys[k].([]any); ok {
			for _, v := range list {
				values[k] = append(values[k], fmt.Sprint(v))
			}
			continue
		}
		values[k] = []string{fmt.Sprint(keys[k])}
	}
	return values, nil
}

// Command verifier verifies lookups and monitoring of Glasskey. It was written from docs/spec.md, the specifications that
// it names, and test vectors.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"glasskey.example/verifier/bundle"
	"glasskey.example/verifier/client"
	"glasskey.example/verifier/identity"
	"glasskey.example/verifier/vectors"
	"glasskey.example/verifier/wire"
)

const usage = `verifier lookup [-state FILE] [-now MS] BUNDLE.json URL IDENTITY...   looks identities up, such as mailto:alice@example.org
verifier monitor [-state FILE] [-now MS] BUNDLE.json URL              monitors the contacts of the state
verifier vectors DIR...                                               checks files of test vectors

It ends with 0, with 3 where an identity does not exist, with 2 for a change that nothing explains, and with 1 for what does not hold.
`

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	if len(args) == 0 {
		return 0, errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	path := flags.String("state", "verifier-state.json", "file of what is known of the log")
	now := flags.Int64("now", 0, "the time in ms since 1970, instead of the clock's")
	if err := flags.Parse(args[1:]); err != nil {
		return 0, err
	}
	rest := flags.Args()
	switch {
	case args[0] == "vectors" && len(rest) > 0:
		return 0, checkVectors(rest)
	case args[0] == "lookup" && len(rest) > 2, args[0] == "monitor" && len(rest) == 2:
	default:
		return 0, errors.New(usage)
	}
	text, err := os.ReadFile(rest[0])
	if err != nil {
		return 0, err
	}
	trusted, err := bundle.Parse(text)
	if err != nil {
		return 0, err
	}
	state, err := client.LoadState(*path)
	if err != nil {
		return 0, err
	}
	c, err := client.New(rest[1], trusted, state, os.Stdout)
	if err != nil {
		return 0, err
	}
	if *now > 0 {
		c.Now = func() time.Time { return time.UnixMilli(*now) }
	}
	if args[0] == "monitor" {
		if err := c.Monitor(); err != nil {
			return 0, err
		}
	}
	for _, typed := range rest[2:] {
		id, err := identity.ParseIdentity(typed, trusted.URISchemes)
		if err != nil {
			return 0, err
		}
		found, verdict, err := c.Lookup(id.Label)
		switch {
		case err != nil:
			return 0, err
		case verdict == "unexplained":
			code = 2
		case !found && code == 0:
			code = 3
		}
		if err := state.Save(*path); err != nil {
			return 0, err
		}
	}
	return code, state.Save(*path)
}

func checkVectors(dirs []string) error {
	good, bad, skipped := 0, 0, 0
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			return err
		}
		for _, path := range files {
			f, err := vectors.Load(path)
			if err != nil {
				return err
			}
			if !vectors.Checks(f.Primitive) {
				fmt.Printf("%s: no checker for %q\n", path, f.Primitive)
				skipped += len(f.Cases)
				continue
			}
			before := bad
			for _, c := range f.Cases {
				if err := vectors.Check(f.Primitive, c); err != nil {
					fmt.Printf("%s: %s: %v\n", path, c.Name, err)
					bad++
				} else {
					good++
				}
			}
			if bad == before {
				fmt.Printf("%s: %d cases as expected\n", path, len(f.Cases))
			}
		}
	}
	fmt.Printf("%d as expected, %d not, %d skipped\n", good, bad, skipped)
	if bad > 0 || good == 0 {
		return wire.Refuse("vectors", "not all are as expected")
	}
	return nil
}

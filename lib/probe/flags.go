package probe

import (
	"time"

	"github.com/urfave/cli/v2"

	"p2p/lib/cmd"
	"p2p/lib/fail"
)

// Flags are the options of a Prober as a user gives them.
type Flags struct {
	dial, stage        time.Duration
	identity, swarmKey string
	ca, dns, pace      string
	muxer              cmd.Words
	certDays, pings    int
}

// Flags returns the flags that fill f.
func (f *Flags) Flags() []cli.Flag {
	f.muxer.Chosen = []string{"yamux"}
	return []cli.Flag{
		&cli.DurationFlag{Name: "dial-timeout", Usage: "bound of the connect stage", Value: 10 * time.Second, Destination: &f.dial},
		&cli.DurationFlag{Name: "stage-timeout", Usage: "bound of each later stage", Value: 5 * time.Second, Destination: &f.stage},
		&cli.StringFlag{Name: "identity", TakesFile: true, Usage: "file with the key to dial with, else a throw-away one", Destination: &f.identity},
		&cli.StringFlag{Name: "swarm-key", TakesFile: true, Usage: "file with the key of the private network", Destination: &f.swarmKey},
		&cli.StringFlag{Name: "ca", TakesFile: true, Usage: "file with further certificate authorities (PEM)", Destination: &f.ca},
		&cli.StringFlag{Name: "dns", Usage: "DNS server to ask, IP:PORT, in place of the system's", Destination: &f.dns},
		&cli.StringFlag{Name: "pace", Usage: "connections to one remote IP: BURST/INTERVAL, or none", Value: "8/5s", Destination: &f.pace},
		cmd.WordsFlag("muxer", "stream multiplexers to offer, in order", &f.muxer, "yamux", "mplex"),
		&cli.IntFlag{Name: "cert-days", Usage: "warn when a certificate expires in fewer days", Value: 14, Destination: &f.certDays},
		&cli.IntFlag{Name: "ping", Usage: "how many pings end a good probe", Value: 3, Destination: &f.pings},
	}
}

// Options reads the files and values of the flags; nothing has been sent when it fails.
func (f *Flags) Options() (Options, *fail.Error) {
	o := Options{DialTimeout: f.dial, StageTimeout: f.stage, CertDays: f.certDays, Muxers: f.muxer.Chosen, Pings: f.pings}
	if f.dial <= 0 || f.stage <= 0 {
		return o, fail.New(fail.UsageFlag, "--dial-timeout and --stage-timeout must be longer than 0")
	}
	if f.pings < 1 || f.pings > 1000 {
		return o, fail.New(fail.UsageFlag, "--ping %d: from 1 to 1000 pings end a probe", f.pings)
	}
	if f.certDays < 0 {
		return o, fail.New(fail.UsageFlag, "--cert-days %d: a number of days is 0 or more", f.certDays)
	}
	steps := []func(*Options) *fail.Error{f.readIdentity, f.readSwarmKey, f.readCA, f.readDNS, f.readPace}
	for _, step := range steps {
		if err := step(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

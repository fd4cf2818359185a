package cmd

import (
	"runtime"
	"runtime/debug"

	"p2p/lib/out"
)

// Version says what this binary is made of.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Libp2p   string `json:"go_libp2p,omitempty"`
	KadDHT   string `json:"kad_dht,omitempty"`
	Boxo     string `json:"boxo,omitempty"`
}

// Text shows one line a fact.
func (v Version) Text(w *out.Text) {
	w.Row("p2p", v.Version)
	for _, r := range [][2]string{{"revision", v.Revision}, {"go", v.Go}, {"platform", v.Platform},
		{"go-libp2p", v.Libp2p}, {"kad-dht", v.KadDHT}, {"boxo", v.Boxo}} {
		if r[1] != "" {
			w.Row(r[0], r[1])
		}
	}
}

// ReadVersion reads them from what the Go linker wrote into the binary.
func ReadVersion() Version {
	v := Version{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/libp2p/go-libp2p":
			v.Libp2p = d.Version
		case "github.com/libp2p/go-libp2p-kad-dht":
			v.KadDHT = d.Version
		case "github.com/ipfs/boxo":
			v.Boxo = d.Version
		}
	}
	return v
}

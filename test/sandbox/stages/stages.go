package stages

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// Config returns the configuration file for kwok.
func Config() ([]byte, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing kwok's stages: %w", err)
	}
	var config []byte
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading kwok's stages: %w", err)
		}
		config = append(append(config, "---\n"...), content...)
	}
	return config, nil
}

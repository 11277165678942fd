// Renders a Helm chart as far as ours goes: text/template of the standard library with the few functions of Helm that the chart uses; any other fails.
//
//	go run render.go CHART NAMESPACE < {"Values": ..., "Chart": ...}
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
)

func indent(by int, text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", by))
}

// toYaml sorts keys, as Helm does.
func toYaml(value any) string {
	switch value := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		lines := make([]string, 0, len(keys))
		for _, key := range keys {
			switch value[key].(type) {
			case map[string]any, []any:
				lines = append(lines, key+":\n  "+indent(2, toYaml(value[key])))
			default:
				lines = append(lines, key+": "+toYaml(value[key]))
			}
		}
		return strings.Join(lines, "\n")
	case []any:
		lines := make([]string, 0, len(value))
		for _, item := range value {
			lines = append(lines, "- "+indent(2, toYaml(item)))
		}
		return strings.Join(lines, "\n")
	default:
		return fmt.Sprint(value)
	}
}

func main() {
	log.SetFlags(0)
	data := map[string]any{}
	if err := json.NewDecoder(os.Stdin).Decode(&data); err != nil {
		log.Fatal(err)
	}
	data["Release"] = map[string]any{"Namespace": os.Args[2], "Name": "sluice"}
	functions := template.FuncMap{
		"toYaml":  toYaml,
		"nindent": func(by int, text string) string { return "\n" + strings.Repeat(" ", by) + indent(by, text) },
		"default": func(other, value any) any {
			if value == nil || value == "" {
				return other
			}
			return value
		},
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "templates", "*.yaml"))
	if err != nil || len(files) == 0 {
		log.Fatalf("no templates: %v", err)
	}
	sort.Strings(files)
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		parsed, err := template.New(filepath.Base(file)).Option("missingkey=error").Funcs(functions).Parse(string(text))
		if err != nil {
			log.Fatal(err)
		}
		if i > 0 {
			fmt.Println("---")
		}
		if err := parsed.Execute(os.Stdout, data); err != nil {
			log.Fatal(err)
		}
	}
}

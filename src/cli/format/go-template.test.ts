// What templates give is what Go's text/template documents.
import { describe, expect, test } from 'vitest';
import { TemplateError } from './go-functions.ts';
import { GoTemplate } from './go-template.ts';

const VALUE = {
  Name: '/web',
  Size: 12,
  State: { Running: true, ExitCode: 0, Health: null },
  Mounts: [
    { Source: '/a', RW: true },
    { Source: '/b', RW: false },
  ],
  Labels: { two: '2', one: '1' },
  None: [],
};

const render = (text: string) => new GoTemplate(text).execute(VALUE);

describe('a template', () => {
  test.each([
    ['plain text', 'plain text'],
    ['{{.Name}} is {{.State.Running}}', '/web is true'],
    ['{{json .State}}', '{"Running":true,"ExitCode":0,"Health":null}'],
    ['{{.Labels | json | len}}', '21'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .None}}some{{else if eq .Size 12}}twelve{{else}}none{{end}}', 'twelve'],
    ['{{range .Mounts}}{{.Source}}{{if .RW}}!{{end}} {{end}}', '/a! /b '],
    ['{{range $n, $m := .Mounts}}{{$n}}={{$m.Source}},{{end}}', '0=/a,1=/b,'],
    ['{{range $key, $of := .Labels}}{{$key}}:{{$of}};{{end}}', 'one:1;two:2;'],
    ['{{range .None}}x{{else}}nothing{{end}}', 'nothing'],
    ['{{with .State}}{{.ExitCode}} of {{$.Name}}{{end}}', '0 of /web'],
    ['{{$size := .Size}}{{printf "%05d|%-4s|%q" $size "a" "b"}}', '00012|a   |"b"'],
    ['{{index .Labels "one"}}{{(index .Mounts 1).Source}}', '1/b'],
    ['{{index .Labels "three"}}', '<no value>'],
    ['a {{- /* gone */ -}} b', 'ab'],
    ['{{"a }} b"}}{{`raw \\n`}}', 'a }} braw \\n'],
    ['{{and .Size .None}}{{or .None "else"}}{{not .None}}', '[]elsetrue'],
    ['{{join (split "a,b,c" ",") "-" | upper}}', 'A-B-C'],
    ['{{.Labels}} {{.Mounts}}', 'map[one:1 two:2] [map[RW:true Source:/a] map[RW:false Source:/b]]'],
    ['{{print 1 2 "x" 3}}{{println "y"}}', '1 2x3y\n'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  test.each([
    '{{.Name',
    '{{if .Name}}',
    '{{end}}',
    '{{.Missing}}',
    '{{.Name.More}}',
    '{{.State.Health.Status}}',
    '{{nosuch .Name}}',
    '{{.Name "argument"}}',
    '{{(.Name}}',
    '{{range .Name}}{{end}}',
    '{{$x}}',
    '{{lt 1 "a"}}',
    '{{#}}',
  ])('is refused: %s', (text) => {
    expect(() => render(text)).toThrow(TemplateError);
  });
});

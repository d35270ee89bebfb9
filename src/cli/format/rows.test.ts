// Lists look as docker(1) prints them.
import { expect, test } from 'vitest';
import { CliError } from '../errors.ts';
import { renderDescriptions, renderRows } from './rows.ts';

const LIST = { titles: { ID: 'CONTAINER ID', Names: 'NAMES' }, table: '{{.ID}}\t{{.Names}}' };
const ROWS = [
  { ID: 'abc', Names: 'one' },
  { ID: 'de', Names: 'another' },
];

test('a list is a table, a table of some columns, JSON, or lines from a template', () => {
  expect(renderRows(ROWS, LIST)).toBe('CONTAINER ID   NAMES\nabc            one\nde             another\n');
  expect(renderRows(ROWS, LIST, 'table {{.Names}}\\t{{.ID}}')).toBe(
    'NAMES     CONTAINER ID\none       abc\nanother   de\n',
  );
  expect(renderRows(ROWS, LIST, 'json')).toBe('{"ID":"abc","Names":"one"}\n{"ID":"de","Names":"another"}\n');
  expect(renderRows(ROWS, LIST, '{{upper .Names}}')).toBe('ONE\nANOTHER\n');
});

test('descriptions are an array, lines of JSON, or lines from a template', () => {
  const values = [{ State: { Pid: 3 } }];
  expect(JSON.parse(renderDescriptions(values))).toEqual(values);
  expect(renderDescriptions(values, 'json')).toBe('{"State":{"Pid":3}}\n');
  expect(renderDescriptions(values, 'pid {{.State.Pid}}')).toBe('pid 3\n');
});

test('a template that cannot be used is refused with one sentence', () => {
  expect(() => renderRows(ROWS, LIST, '{{.Nothing}}')).toThrow(CliError);
  expect(() => renderRows(ROWS, LIST, '{{.ID')).toThrow('The template of --format cannot be used');
});

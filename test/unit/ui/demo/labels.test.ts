import { describe, expect, it } from 'vitest';
import { PeerceptronError } from '../../../../src/shared/errors.ts';
import { parseLabels } from '../../../../src/ui/demo/labels.ts';

describe('names of classes', () => {
  it.each([
    ['lines', 'cat\ndog\n'],
    ['lines of Windows', 'cat\r\ndog\r\n'],
    ['a JSON list', '["cat", "dog"]'],
    ['Teachable Machine', '{"labels": ["cat", "dog"], "timeStamp": "…"}'],
    ['an index', '{"0": "cat", "1": "dog"}'],
    ['the index of ImageNet', '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"]}'],
  ])('are read from %s', (_name, text) => {
    expect(parseLabels(text, 'labels.txt', 2)).toEqual(['cat', 'dog']);
  });

  it.each([
    ['too few', 'cat', 'names 1 classes, and the network tells 2 apart'],
    ['broken JSON', '["cat", ', 'neither JSON nor a list of lines'],
    ['a gap', 'cat\n\ndog', 'class 1 has no name'],
    ['numbers', '[1, 2]', 'class 0 has no name'],
    ['an index with a gap', '{"0": "cat", "2": "dog"}', 'class 1 has no name'],
  ])('are refused where there is %s', (_name, text, message) => {
    const parse = () => parseLabels(text, 'labels.txt', 2);
    expect(parse).toThrow(PeerceptronError);
    expect(parse).toThrow(message);
  });
});

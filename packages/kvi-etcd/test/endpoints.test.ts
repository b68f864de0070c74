import {describe, expect, it} from '@jest/globals';
import {parseEndpoint, parseUrl} from '../src/cluster/endpoints.ts';

describe('an etcd URL', () => {
  it.each([
    ['http://h', [{host: 'h', port: 2379, tls: false}]],
    ['https://h:1', [{host: 'h', port: 1, tls: true}]],
    ['http://h:1/', [{host: 'h', port: 1, tls: false}]],
    [
      'etcd://h1,h2:2',
      [
        {host: 'h1', port: 2379, tls: false},
        {host: 'h2', port: 2, tls: false},
      ],
    ],
    [
      'etcds://h1,h2',
      [
        {host: 'h1', port: 2379, tls: true},
        {host: 'h2', port: 2379, tls: true},
      ],
    ],
    [
      'http://h1:1,http://h2:2',
      [
        {host: 'h1', port: 1, tls: false},
        {host: 'h2', port: 2, tls: false},
      ],
    ],
    [
      'http://[::1]:1,[fe80::1]',
      [
        {host: '[::1]', port: 1, tls: false},
        {host: '[fe80::1]', port: 2379, tls: false},
      ],
    ],
    [
      'http://[fe80::1%eth0]:1,[fe80::1%25eth0]',
      [
        {host: '[fe80::1%eth0]', port: 1, tls: false},
        {host: '[fe80::1%eth0]', port: 2379, tls: false},
      ],
    ],
    ['unix:///run/etcd.sock', [{path: '/run/etcd.sock', tls: false}]],
    ['unixs:///run/etcd:0', [{path: '/run/etcd:0', tls: true}]],
    [
      'unix:///a,unix:///b',
      [
        {path: '/a', tls: false},
        {path: '/b', tls: false},
      ],
    ],
  ])('%s names its endpoints', (url, endpoints) => {
    expect(parseUrl(url)).toEqual({endpoints});
  });

  it('holds a user and a password, percent-encoded', () => {
    expect(parseUrl('etcd://a%40b:p%3A%2F@h1,h2')).toMatchObject({username: 'a@b', password: 'p:/'});
  });

  it.each([
    'http://u:secret',
    'http://u:secret/path',
    'etcd://h1:2379,u:secret@h2:2379',
    'http://u:secret@',
    'http://u:sec@ret@h',
    'http://u:se,secret@h',
    'http://h1,http://u:secret@h2',
  ])('%s is refused without showing the password', (url) => {
    expect(() => parseUrl(url)).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
    expect(() => parseUrl(url)).not.toThrow(/secret/);
  });

  it.each(['u:secret@h', 'http://u:secret@h:2379', 'u:secret', 'secret@'])(
    'is not told by an endpoint that is wrong: %s',
    (endpoint) => {
      expect(() => parseEndpoint(endpoint)).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
      expect(() => parseEndpoint(endpoint)).not.toThrow(/secret/);
    },
  );

  it.each([
    ['h:2379', /missing scheme/],
    ['redis://h', /unknown scheme "redis:"/],
    ['http://', /missing host/],
    ['http://h,,g', /missing host/],
    ['http://:2379', /missing host/],
    ['http://h:0', /port 0/],
    ['http://h:65536', /port 65536/],
    ['http://h:x', /the port of "h" is not a number/],
    ['etcd://h1:2379,u:secret@h2:2379', /before the first host/],
    ['http://h/path', /"\/path" after the host/],
    ['http://h?a=b', /"\?a=b" after the host/],
    ['http://user@h', /USER:PASSWORD/],
    ['http://[fe80::1%]', /missing host/],
    ['unix://', /must be absolute/],
    ['unix://host/path', /must be absolute/],
  ])('%s is refused by saying what is wrong', (url, message) => {
    expect(() => parseUrl(url)).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
    expect(() => parseUrl(url)).toThrow(message);
  });

  it.each(['http://u:secret@', 'http://u:secret@h/x', 'http://u:se@cret@h', 'http://u:secret%zz@h'])(
    '%s is refused without showing its password',
    (url) => {
      expect(() => parseUrl(url)).toThrow(
        expect.objectContaining({message: expect.not.stringMatching(/secret|cret/)}),
      );
    },
  );
});

describe('an endpoint', () => {
  it('is plain text unless it says otherwise', () => {
    expect(parseEndpoint('h:1')).toEqual({host: 'h', port: 1, tls: false});
    expect(parseEndpoint('https://h:1')).toEqual({host: 'h', port: 1, tls: true});
  });
});

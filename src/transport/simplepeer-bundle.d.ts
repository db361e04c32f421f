/** The package types its sources only; the prebuilt bundle exports the same. */
declare module 'simple-peer/simplepeer.min.js' {
  import SimplePeer from 'simple-peer';
  export = SimplePeer;
}

// The library's build for pages with a Content-Security-Policy; its types are those of the package itself.
declare module 'maplibre-gl/dist/maplibre-gl-csp.js' {
  const all: unknown
  export default all
}

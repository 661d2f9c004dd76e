/** How the city's tiles look, from the page's own colours. Understands the layers of Protomaps and of OpenMapTiles. */
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl'

export type Colours = Record<'ground' | 'card' | 'line' | 'strong' | 'ink' | 'soft' | 'blue' | 'water' | 'green' | 'red', string>
/** The tokens as they stand now: a map in the dark theme is dark. */
export function colours(): Colours {
  const style = getComputedStyle(document.documentElement)
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  return { ground: of('ground'), card: of('card'), line: of('line'), strong: of('line-strong'), ink: of('ink'), soft: of('ink-2'), blue: of('blue'), water: of('blue-bg'), green: of('green-bg'), red: of('red') }
}

const widths = (wide: number): unknown => ['interpolate', ['exponential', 1.6], ['zoom'], 9, wide * 0.25, 14, wide, 19, wide * 9]
const MAJOR = ['highway', 'major_road', 'motorway', 'trunk', 'primary', 'secondary', 'tertiary']

export function styleOf(url: string, header: { minZoom: number; maxZoom: number }, layers: ReadonlySet<string>, paint: Colours): StyleSpecification {
  const out: unknown[] = [{ id: 'ground', type: 'background', paint: { 'background-color': layers.has('earth') ? paint.water : paint.ground } }]
  const add = (layer: string, id: string, rest: object): void => { if (layers.has(layer)) out.push({ id, source: 'city', 'source-layer': layer, ...rest }) }
  add('earth', 'earth', { type: 'fill', paint: { 'fill-color': paint.ground } })
  for (const layer of ['landuse', 'landcover', 'park']) add(layer, layer, { type: 'fill', paint: { 'fill-color': paint.green, 'fill-opacity': 0.5 } })
  add('water', 'water', { type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': paint.water } })
  for (const layer of ['water', 'waterway']) add(layer, `${layer}-line`, { type: 'line', filter: ['==', ['geometry-type'], 'LineString'], paint: { 'line-color': paint.water, 'line-width': widths(2) } })
  for (const layer of ['buildings', 'building']) add(layer, layer, { type: 'fill', minzoom: 14, paint: { 'fill-color': paint.line } })
  for (const [layer, kind, name] of [['roads', 'kind', 'name'], ['transportation', 'class', '']] as const) {
    const major = ['in', ['to-string', ['get', kind]], ['literal', MAJOR]]
    add(layer, `${layer}-case`, { type: 'line', layout: { 'line-cap': 'round' }, paint: { 'line-color': paint.line, 'line-width': widths(4.5) } })
    add(layer, `${layer}-minor`, { type: 'line', filter: ['!', major], layout: { 'line-cap': 'round' }, paint: { 'line-color': paint.card, 'line-width': widths(2.5) } })
    add(layer, `${layer}-major`, { type: 'line', filter: major, layout: { 'line-cap': 'round' }, paint: { 'line-color': paint.strong, 'line-width': widths(3) } })
    if (name) out.push(...(layers.has(layer) ? [names(`${layer}-name`, layer, 'line', 13, paint)] : []))
  }
  if (layers.has('transportation_name')) out.push(names('street-name', 'transportation_name', 'line', 13, paint))
  for (const layer of ['pois', 'poi']) if (layers.has(layer)) out.push(names(layer, layer, 'point', 15, paint))
  for (const layer of ['places', 'place']) if (layers.has(layer)) out.push(names(layer, layer, 'point', 8, paint))
  out.push(
    { id: 'doubt', source: 'desk', type: 'fill', filter: ['==', ['get', 'kind'], 'doubt'], paint: { 'fill-color': paint.red, 'fill-opacity': 0.14 } },
    { id: 'seen', source: 'desk', type: 'fill', filter: ['==', ['get', 'kind'], 'seen'], paint: { 'fill-color': paint.blue, 'fill-opacity': 0.16 } },
    { id: 'ring', source: 'desk', type: 'line', filter: ['==', ['get', 'kind'], 'ring'], paint: { 'line-color': paint.soft, 'line-width': 1, 'line-dasharray': [3, 3] } },
    { id: 'dot', source: 'desk', type: 'circle', filter: ['==', ['get', 'kind'], 'dot'], paint: { 'circle-color': paint.blue, 'circle-radius': 6, 'circle-stroke-color': paint.card, 'circle-stroke-width': 2 } },
  )
  return {
    version: 8,
    sources: {
      city: { type: 'vector', url, minzoom: header.minZoom, maxzoom: header.maxZoom },
      desk: { type: 'geojson', data: { type: 'FeatureCollection', features: [] } },
    },
    layers: out as LayerSpecification[],
  }
}
/** Without `glyphs` in the style MapLibre draws the letters itself, in the page's face. */
function names(id: string, layer: string, placement: 'line' | 'point', from: number, paint: Colours): object {
  return {
    id, source: 'city', 'source-layer': layer, type: 'symbol', minzoom: from,
    layout: { 'symbol-placement': placement, 'text-field': ['coalesce', ['get', 'name:id'], ['get', 'name']], 'text-font': ['Inter'], 'text-size': placement === 'line' ? 11 : 12, 'text-max-width': 8 },
    paint: { 'text-color': paint.ink, 'text-halo-color': paint.ground, 'text-halo-width': 1.4 },
  }
}

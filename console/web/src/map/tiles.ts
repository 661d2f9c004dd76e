/** The city's map with streets: MapLibre GL over the city's own tiles (PMTiles), drawn by WebGL. Nothing comes from another host. */
import maplibre from 'maplibre-gl/dist/maplibre-gl-csp.js'
import 'maplibre-gl/dist/maplibre-gl.css'
// The worker is a file of our own origin: the page's Content-Security-Policy allows no blob: and stays as it is.
import worker from 'maplibre-gl/dist/maplibre-gl-csp-worker.js?url'
import type * as Gl from 'maplibre-gl'
import { PMTiles, Protocol } from 'pmtiles'
import { pinElement, STREET_ZOOM, type Engine, type Make, type Scene } from './engine'
import { metres, moved, rings, type Spot } from './geo'
import { colours, styleOf } from './style'

export const TILES = '/map/tiles.pmtiles'
const gl = maplibre as unknown as typeof Gl
gl.setWorkerUrl(worker)
const protocol = new Protocol()
gl.addProtocol('pmtiles', protocol.tile)

const at = (spot: Spot): [number, number] => [spot.longitude, spot.latitude]
const spotOf = (point: Gl.LngLat): Spot => ({ latitude: point.lat, longitude: point.lng })
/** MapLibre's circles are in pixels: one in metres is a polygon. */
function circle(middle: Spot, radius: number, kind: string): GeoJSON.Feature {
  const corners = Array.from({ length: 65 }, (_, n) => at(moved(middle, radius * Math.cos((n * Math.PI) / 32), radius * Math.sin((n * Math.PI) / 32))))
  return { type: 'Feature', properties: { kind }, geometry: { type: 'Polygon', coordinates: [corners] } }
}

/**
 * Raises: Error when the tiles cannot be read or WebGL gives up at once; the caller then takes the plain map.
 */
export const make: Make = async (box, start, picked): Promise<Engine> => {
  const file = new PMTiles(TILES)
  protocol.add(file)
  const header = await file.getHeader()
  const about = (await file.getMetadata()) as { vector_layers?: { id: string }[]; attribution?: string }
  const paint = colours()
  const map = new gl.Map({
    container: box, center: at(start.center), zoom: start.zoom - 1, minZoom: 7, maxZoom: 19, keyboard: false, attributionControl: false, fadeDuration: 0, dragRotate: false, pitchWithRotate: false,
    style: styleOf(`pmtiles://${TILES}`, header, new Set((about.vector_layers ?? []).map((one) => one.id)), paint),
  })
  map.touchZoomRotate.disableRotation()
  map.getCanvas().tabIndex = -1 // keys belong to the frame around, which says what they do
  map.addControl(new gl.ScaleControl({ maxWidth: 90 }), 'bottom-right')
  // Who made the tiles is named: a licence of map data asks for it.
  map.addControl(new gl.AttributionControl({ compact: false, customAttribution: (about.attribution ?? '© OpenStreetMap').replace(/<[^>]*>/g, '') }), 'bottom-right')
  await new Promise<void>((resolve, reject) => {
    map.once('load', () => resolve())
    map.once('error', (event: { error: Error }) => reject(event.error))
  }).catch((error: unknown) => { map.remove(); throw error })

  let scene: Scene = { pin: null, seen: null, places: [] }
  let pin: Gl.Marker | null = null
  const source = (): Gl.GeoJSONSource => map.getSource('desk') as Gl.GeoJSONSource
  function drawAround(): void {
    const features: GeoJSON.Feature[] = []
    const { pin, seen } = scene
    if (pin) {
      const bounds = map.getBounds()
      const across = metres(spotOf(map.getCenter()), { latitude: bounds.getNorth(), longitude: map.getCenter().lng })
      for (const far of rings(across)) features.push(circle(pin, far, 'ring'))
      if (pin.radius_m) features.push(circle(pin, pin.radius_m, 'doubt'))
    }
    if (seen) {
      if (seen.radius_m) features.push(circle(seen, seen.radius_m, 'seen'))
      features.push({ type: 'Feature', properties: { kind: 'dot' }, geometry: { type: 'Point', coordinates: at(seen) } })
    }
    source().setData({ type: 'FeatureCollection', features })
  }
  function drawPin(): void {
    if (!scene.pin) { pin?.remove(); pin = null; return }
    if (pin) { pin.setLngLat(at(scene.pin)); return }
    pin = new gl.Marker({ element: pinElement(), draggable: true, anchor: 'center' }).setLngLat(at(scene.pin)).addTo(map)
    pin.getElement().removeAttribute('tabindex')
    pin.on('dragend', () => { if (pin) picked(spotOf(pin.getLngLat())) })
  }
  map.on('click', (event: Gl.MapMouseEvent) => picked(spotOf(event.lngLat)))
  map.on('moveend', drawAround)

  return {
    draw(next) { scene = next; drawAround(); drawPin() },
    look(spot, nearer) {
      const zoom = nearer ? Math.max(map.getZoom(), STREET_ZOOM - 2) : map.getZoom()
      const here = map.project(at(spot))
      const { width, height } = map.getCanvas().getBoundingClientRect()
      const inside = here.x > width * 0.2 && here.x < width * 0.8 && here.y > height * 0.2 && here.y < height * 0.8
      if (zoom === map.getZoom() && inside) return
      map.jumpTo({ center: at(spot), zoom })
    },
    zoom(by) { map.jumpTo({ zoom: map.getZoom() + by }) },
    center: () => spotOf(map.getCenter()),
    fit() { map.resize() },
    stop() { map.remove() },
  }
}

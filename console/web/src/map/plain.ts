/** The map without tiles, and without WebGL: Leaflet, a grid in metres, distance rings, and the places that the gazetteer knows. */
import L from 'leaflet'
import 'leaflet/dist/leaflet.css'
import { label, pinElement, STREET_ZOOM, type Engine, type Make, type Scene } from './engine'
import { gridStep, metres, moved, offset, rings, type Known, type Spot } from './geo'

const at = (spot: Spot): L.LatLngTuple => [spot.latitude, spot.longitude]
const spotOf = (point: L.LatLng): Spot => ({ latitude: point.lat, longitude: point.lng })
/** From which zoom on a kind of place is named. */
const FROM: Record<string, number> = { district: 0, subdistrict: 13 }

export const make: Make = (box, start, picked): Engine => {
  const map = L.map(box, { keyboard: false, zoomControl: false, attributionControl: false, minZoom: 8, maxZoom: 19, zoomSnap: 0.5, renderer: L.svg({ padding: 0.5 }) })
  map.setView(at(start.center), start.zoom)
  L.control.scale({ imperial: false, position: 'bottomright', maxWidth: 90 }).addTo(map)
  const [grid, names, around, marks] = [L.layerGroup(), L.layerGroup(), L.layerGroup(), L.layerGroup()].map((one) => one.addTo(map)) as [L.LayerGroup, L.LayerGroup, L.LayerGroup, L.LayerGroup]
  let scene: Scene = { pin: null, seen: null, places: [] }
  let pin: L.Marker | null = null

  /** Lines every 100, 200, 500 m ..., counted from the city's middle so that they stay where they are. */
  function drawGrid(): void {
    grid.clearLayers()
    const bounds = map.getBounds().pad(0.3)
    const low = offset(start.center, spotOf(bounds.getSouthWest()))
    const high = offset(start.center, spotOf(bounds.getNorthEast()))
    const step = gridStep(high.east - low.east)
    const line = (from: Spot, to: Spot): void => { L.polyline([at(from), at(to)], { className: 'map-grid', interactive: false }).addTo(grid) }
    for (let east = Math.ceil(low.east / step) * step; east <= high.east; east += step) line(moved(start.center, low.north, east), moved(start.center, high.north, east))
    for (let north = Math.ceil(low.north / step) * step; north <= high.north; north += step) line(moved(start.center, north, low.east), moved(start.center, north, high.east))
  }
  /** Names that do not lie upon each other: areas first, then what people know. */
  function drawNames(): void {
    names.clearLayers()
    const taken: L.Bounds[] = []
    const bounds = map.getBounds().pad(0.1)
    const zoom = map.getZoom()
    for (const place of inOrder(scene.places)) {
      if (zoom < (FROM[place.kind] ?? 13.5) || !bounds.contains(at(place))) continue
      const point = map.latLngToContainerPoint(at(place))
      const wide = place.name.length * 6.5 + 14
      const area = place.kind in FROM
      const room = L.bounds([point.x - (area ? wide / 2 : 5), point.y - 9], [point.x + (area ? wide / 2 : wide), point.y + 9])
      if (taken.some((one) => one.intersects(room))) continue
      taken.push(room)
      const icon = L.divIcon({ className: 'map-spot', html: label(area ? place.kind : 'known', place.name), iconSize: [0, 0] })
      L.marker(at(place), { icon, interactive: false, keyboard: false }).addTo(names)
    }
  }
  function drawAround(): void {
    around.clearLayers()
    const { pin, seen } = scene
    if (pin) {
      const size = map.getSize()
      const edge = map.containerPointToLatLng([size.x / 2, 0])
      const all = rings(metres(spotOf(map.getCenter()), spotOf(edge)))
      const nearest = Math.min(...all)
      for (const far of all) {
        L.circle(at(pin), { radius: far, className: 'map-ring', interactive: false }).addTo(around)
        if (far === nearest) continue // its figure would lie under the pin
        const words = far < 1000 ? `${far} m` : `${far / 1000} km`.replace('.', ',')
        L.marker(at(moved(pin, far, 0)), { icon: L.divIcon({ className: 'map-spot', html: label('far', words), iconSize: [0, 0] }), interactive: false, keyboard: false }).addTo(around)
      }
      if (pin.radius_m) L.circle(at(pin), { radius: pin.radius_m, className: 'map-doubt', interactive: false }).addTo(around)
    }
    if (seen) {
      if (seen.radius_m) L.circle(at(seen), { radius: seen.radius_m, className: 'map-seen', interactive: false }).addTo(around)
      L.circleMarker(at(seen), { radius: 6, className: 'map-seen dot', interactive: false }).addTo(around)
    }
  }
  function drawPin(): void {
    if (!scene.pin) { pin?.remove(); pin = null; return }
    if (pin) { pin.setLatLng(at(scene.pin)); return }
    pin = L.marker(at(scene.pin), { icon: L.divIcon({ className: 'map-spot', html: pinElement(), iconSize: [0, 0] }), draggable: true, keyboard: false, zIndexOffset: 1000 }).addTo(marks)
    pin.on('dragend', () => { if (pin) picked(spotOf(pin.getLatLng())) })
  }
  function all(): void { drawGrid(); drawNames(); drawAround() }
  map.on('moveend', all)
  map.on('click', (event: L.LeafletMouseEvent) => picked(spotOf(event.latlng)))
  all()

  return {
    draw(next) {
      const places = next.places !== scene.places
      scene = next
      if (places) drawNames()
      drawAround()
      drawPin()
    },
    look(spot, nearer) {
      const zoom = nearer ? Math.max(map.getZoom(), STREET_ZOOM - 1) : map.getZoom()
      if (zoom === map.getZoom() && map.getBounds().pad(-0.2).contains(at(spot))) return
      map.setView(at(spot), zoom, { animate: false })
    },
    zoom(by) { map.setZoom(map.getZoom() + by, { animate: false }) },
    center: () => spotOf(map.getCenter()),
    fit() { map.invalidateSize({ pan: false }); all() },
    stop() { map.remove() },
  }
}
function inOrder(places: readonly Known[]): Known[] {
  const rank = (one: Known): number => (one.kind === 'district' ? 0 : one.kind === 'subdistrict' ? 2 : 1)
  return [...places].sort((a, b) => rank(a) - rank(b))
}

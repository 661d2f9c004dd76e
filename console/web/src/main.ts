import { createApp } from 'vue'
import './styles/tokens.css'
import './styles/base.css'
import App from './App.vue'
import { startClock } from './lib/clock'
import { applyTheme } from './shell/theme'

applyTheme()
startClock()
createApp(App).mount('#app')

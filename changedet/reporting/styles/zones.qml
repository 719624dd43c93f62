<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Labeling">
  <renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">
    <symbols>
      <symbol name="0" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="255,255,255,0"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="30,30,30,255"/>
        <prop k="outline_style" v="dot"/>
        <prop k="outline_width" v="0.4"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings calloutType="simple">
      <text-style fieldName="zone" isExpression="0" fontSize="9" fontSizeUnit="Point" fontFamily="Sans" textColor="30,30,30,255" namedStyle="Bold" fontWeight="75">
        <text-buffer bufferDraw="1" bufferSize="1" bufferSizeUnits="MM" bufferColor="255,255,255,255" bufferOpacity="0.8"/>
      </text-style>
      <placement placement="1" centroidInside="1"/>
      <rendering drawLabels="1" obstacle="0"/>
    </settings>
  </labeling>
</qgis>

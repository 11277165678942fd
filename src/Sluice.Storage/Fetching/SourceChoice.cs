using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>Who is asked next for a fetch.</summary>
/// <param name="Index">Among the sources of the reader.</param>
internal readonly record struct SourceChoice(int Index, IBlobSource Source, SourcePlace Place);
